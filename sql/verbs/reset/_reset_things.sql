-- What a reset drops, in this order: whatever the server did not bring along that is no extension's, and not made and
-- dropped with something else. Part tells what goes with something else unless it is dropped alone, as a partition does.
-- What has no owner is a superuser's. Number 16384 is the first that is not PostgreSQL's own; those of large objects are
-- as their makers say.
SELECT o.turn, o.class, o.id, o.schema, o.owner,
       EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                WHERE d.classid = o.class AND d.objid = o.id AND d.deptype = 'a') AS part
  FROM (SELECT 1, tableoid, oid, 0::pg_catalog.oid, evtowner FROM pg_catalog.pg_event_trigger
        UNION ALL SELECT 2, tableoid, oid, 0, pubowner FROM pg_catalog.pg_publication
        UNION ALL SELECT 3, tableoid, oid, extnamespace, extowner FROM pg_catalog.pg_extension WHERE extname NOT IN ('plpgsql', 'citus', 'citus_columnar')
        UNION ALL SELECT 4, tableoid, oid, oid, nspowner FROM pg_catalog.pg_namespace AS s
                   -- Without its extension Citus would forget the nodes, and the rows that lie there; some of it is in public.
                   WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c
                                       JOIN pg_catalog.pg_depend AS d
                                         ON d.classid = c.tableoid AND d.objid = c.oid AND d.deptype = 'e'
                                       JOIN pg_catalog.pg_extension AS e ON e.tableoid = d.refclassid AND e.oid = d.refobjid
                                      WHERE c.relnamespace = s.oid AND e.extname IN ('citus', 'citus_columnar'))
        UNION ALL SELECT 5, tableoid, oid, relnamespace, relowner FROM pg_catalog.pg_class
                   WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        UNION ALL SELECT 5, tableoid, oid, pronamespace, proowner FROM pg_catalog.pg_proc
        UNION ALL SELECT 5, tableoid, oid, typnamespace, typowner FROM pg_catalog.pg_type
        UNION ALL SELECT 5, tableoid, oid, oprnamespace, oprowner FROM pg_catalog.pg_operator
        UNION ALL SELECT 5, tableoid, oid, opcnamespace, opcowner FROM pg_catalog.pg_opclass
        UNION ALL SELECT 5, tableoid, oid, opfnamespace, opfowner FROM pg_catalog.pg_opfamily
        UNION ALL SELECT 5, tableoid, oid, collnamespace, collowner FROM pg_catalog.pg_collation
        UNION ALL SELECT 5, tableoid, oid, connamespace, conowner FROM pg_catalog.pg_conversion
        UNION ALL SELECT 5, tableoid, oid, stxnamespace, stxowner FROM pg_catalog.pg_statistic_ext
        UNION ALL SELECT 5, tableoid, oid, cfgnamespace, cfgowner FROM pg_catalog.pg_ts_config
        UNION ALL SELECT 5, tableoid, oid, dictnamespace, dictowner FROM pg_catalog.pg_ts_dict
        UNION ALL SELECT 5, tableoid, oid, prsnamespace, 10 FROM pg_catalog.pg_ts_parser
        UNION ALL SELECT 5, tableoid, oid, tmplnamespace, 10 FROM pg_catalog.pg_ts_template
        UNION ALL SELECT 6, tableoid, oid, 0, srvowner FROM pg_catalog.pg_foreign_server
        UNION ALL SELECT 7, tableoid, oid, 0, fdwowner FROM pg_catalog.pg_foreign_data_wrapper
        UNION ALL SELECT 7, tableoid, oid, 0, lanowner FROM pg_catalog.pg_language WHERE lanname <> 'plpgsql'
        UNION ALL SELECT 7, tableoid, oid, 0, 10 FROM pg_catalog.pg_am
        UNION ALL SELECT 7, c.tableoid, c.oid, 0, CASE WHEN s.oid < 16384 THEN t.typowner ELSE s.typowner END
                    FROM pg_catalog.pg_cast AS c
                    JOIN pg_catalog.pg_type AS s ON s.oid = c.castsource
                    JOIN pg_catalog.pg_type AS t ON t.oid = c.casttarget
        UNION ALL SELECT 8, 'pg_catalog.pg_largeobject'::pg_catalog.regclass, oid, 0, lomowner
                    FROM pg_catalog.pg_largeobject_metadata
       ) AS o(turn, class, id, schema, owner)
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = o.schema
 WHERE (o.id >= 16384 OR o.turn IN (4, 8))
   AND (n.oid IS NULL OR n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' OR o.turn = 3)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = o.class AND d.objid = o.id AND d.deptype IN ('i', 'e')
                      -- A partitioned table belongs to its own columns.
                      AND (d.refclassid <> o.class OR d.refobjid <> o.id))
