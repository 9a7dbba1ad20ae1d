-- Where tables are: access methods; servers of foreign ones, and what leads to them.
SELECT format('%s/%s/0', x.class, x.oid), x.kind, NULL, NULL, x.name, x.name, k.what, concat_ws(' ', 'CREATE', k.what, nullif(x.definition, '')),
       NULL, NULL, NULL, NULL, NULL, false, false, json_build_array(json_build_array('definition', x.definition, NULL, NULL))
  FROM (SELECT m.tableoid AS class, m.oid, 'access method' AS kind, quote_ident(m.amname) AS name,
               format('TYPE %s HANDLER %s', CASE m.amtype WHEN 't' THEN 'TABLE' ELSE 'INDEX' END, m.amhandler) AS definition
          FROM pg_catalog.pg_am AS m
         UNION ALL
        SELECT w.tableoid, w.oid, 'foreign data wrapper', quote_ident(w.fdwname),
               concat_ws(' ', CASE WHEN w.fdwhandler <> 0 THEN 'HANDLER ' || w.fdwhandler::regproc END,
                         CASE WHEN w.fdwvalidator <> 0 THEN 'VALIDATOR ' || w.fdwvalidator::regproc END,
                         'OPTIONS (' || (SELECT string_agg(format('%I %L', o.option_name, o.option_value), ', ' ORDER BY o.option_name)
                                           FROM pg_options_to_table(w.fdwoptions) AS o) || ')')
          FROM pg_catalog.pg_foreign_data_wrapper AS w
         UNION ALL
        SELECT s.tableoid, s.oid, 'server', quote_ident(s.srvname),
               concat_ws(' ', 'TYPE ' || quote_literal(s.srvtype), 'VERSION ' || quote_literal(s.srvversion), 'FOREIGN DATA WRAPPER ' || quote_ident(w.fdwname),
                         'OPTIONS (' || (SELECT string_agg(format('%I %L', o.option_name, o.option_value), ', ' ORDER BY o.option_name)
                                           FROM pg_options_to_table(s.srvoptions) AS o) || ')')
          FROM pg_catalog.pg_foreign_server AS s
          JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw) AS x
  CROSS JOIN LATERAL (SELECT format('%s %s', upper(x.kind), x.name) AS what) AS k
 WHERE x.oid >= 16384
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e WHERE e.classid = x.class AND e.objid = x.oid AND e.deptype = 'e')
