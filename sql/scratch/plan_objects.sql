-- What besides relations a rehearsal watches: everything that DDL locks by itself, and not as a part of a table, and that is
-- there before the first pending file; PostgreSQL's own, extensions' and ours aside.
WITH there AS (
    SELECT tableoid, oid FROM pg_catalog.pg_proc WHERE oid >= 16384::oid
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_type
               WHERE oid >= 16384::oid AND typtype IN ('b', 'd', 'e', 'r', 'c') AND typcategory <> 'A'
                 AND (typrelid = 0::oid OR EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = typrelid AND c.relkind = 'c'))
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_namespace WHERE oid >= 16384::oid
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_collation WHERE oid >= 16384::oid
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_conversion WHERE oid >= 16384::oid
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_operator WHERE oid >= 16384::oid
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_opclass WHERE oid >= 16384::oid
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_opfamily WHERE oid >= 16384::oid
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_cast WHERE oid >= 16384::oid
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_language WHERE oid >= 16384::oid
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_extension WHERE oid >= 16384::oid
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_statistic_ext WHERE oid >= 16384::oid
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_event_trigger WHERE oid >= 16384::oid
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_publication WHERE oid >= 16384::oid
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_foreign_data_wrapper WHERE oid >= 16384::oid
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_foreign_server WHERE oid >= 16384::oid
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_ts_config WHERE oid >= 16384::oid
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_ts_dict WHERE oid >= 16384::oid
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_ts_parser WHERE oid >= 16384::oid
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_ts_template WHERE oid >= 16384::oid
    UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_am WHERE oid >= 16384::oid
)
SELECT t.tableoid::bigint, t.oid::bigint, it.type, it.identity
  FROM there AS t
 CROSS JOIN LATERAL pg_catalog.pg_identify_object(t.tableoid, t.oid, 0) AS it
 WHERE it.schema IS DISTINCT FROM 'sqlrail' AND it.identity <> 'sqlrail'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = t.tableoid AND d.objid = t.oid AND d.deptype = 'e');
