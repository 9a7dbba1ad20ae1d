-- What is neither compared nor made: only that it is there is told. What comes with a range, its cast say, is its type's.
SELECT format('%s/%s/0', x.class, x.oid), 'other', i.schema, NULL, i.type || ' ' || i.identity, i.type || ' ' || i.identity, NULL,
       '', NULL, NULL, NULL, NULL, NULL, false, false, '[]'::json
  FROM (SELECT tableoid, oid FROM pg_catalog.pg_opclass
        UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_conversion
        UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_type WHERE typtype = 'b' AND typelem = 0
        UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_language) AS x(class, oid)
 CROSS JOIN LATERAL pg_identify_object(x.class, x.oid, 0) AS i
 WHERE x.oid >= 16384 AND coalesce(i.schema, '') !~ '^pg_'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e
                    WHERE e.classid = x.class AND e.objid = x.oid AND e.deptype IN ('e', 'i'))
