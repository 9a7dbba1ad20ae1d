-- Where tables are: access methods; servers of foreign ones, and what leads to them.
SELECT format('%s/%s/0', x.tableoid, x.oid), 'access method', NULL, NULL, k.name, k.name, 'ACCESS METHOD ' || k.name,
       format('CREATE ACCESS METHOD %s %s', k.name, k.definition), NULL, NULL, NULL, NULL, NULL, false, false,
       json_build_array(json_build_array('definition', k.definition, NULL, NULL))
  FROM pg_catalog.pg_am AS x
  CROSS JOIN LATERAL (SELECT quote_ident(x.amname) AS name,
                             format('TYPE %s HANDLER %s', CASE x.amtype WHEN 't' THEN 'TABLE' ELSE 'INDEX' END, x.amhandler) AS definition) AS k
 WHERE x.oid >= 16384
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e WHERE e.classid = x.tableoid AND e.objid = x.oid AND e.deptype = 'e')
UNION ALL
SELECT format('%s/%s/0', x.tableoid, x.oid), 'foreign data wrapper', NULL, NULL, k.name, k.name, 'FOREIGN DATA WRAPPER ' || k.name,
       format('CREATE FOREIGN DATA WRAPPER %s%s', k.name, k.definition), NULL, NULL, NULL, NULL, NULL, false, false,
       json_build_array(json_build_array('definition', k.definition, NULL, NULL))
  FROM pg_catalog.pg_foreign_data_wrapper AS x
  CROSS JOIN LATERAL (
      SELECT quote_ident(x.fdwname) AS name,
             concat(CASE WHEN x.fdwhandler <> 0 THEN ' HANDLER ' || x.fdwhandler::regproc END,
                    CASE WHEN x.fdwvalidator <> 0 THEN ' VALIDATOR ' || x.fdwvalidator::regproc END,
                    ' OPTIONS (' || (SELECT string_agg(format('%I %L', o.option_name, o.option_value), ', ' ORDER BY o.option_name)
                                       FROM pg_options_to_table(x.fdwoptions) AS o) || ')') AS definition) AS k
 WHERE x.oid >= 16384
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e WHERE e.classid = x.tableoid AND e.objid = x.oid AND e.deptype = 'e')
UNION ALL
SELECT format('%s/%s/0', x.tableoid, x.oid), 'server', NULL, NULL, k.name, k.name, 'SERVER ' || k.name,
       format('CREATE SERVER %s%s', k.name, k.definition), NULL, NULL, NULL, NULL, NULL, false, false,
       json_build_array(json_build_array('definition', k.definition, NULL, NULL))
  FROM pg_catalog.pg_foreign_server AS x
  JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid = x.srvfdw
  CROSS JOIN LATERAL (
      SELECT quote_ident(x.srvname) AS name,
             concat(' TYPE ' || quote_literal(x.srvtype), ' VERSION ' || quote_literal(x.srvversion), ' FOREIGN DATA WRAPPER ' || quote_ident(w.fdwname),
                    ' OPTIONS (' || (SELECT string_agg(format('%I %L', o.option_name, o.option_value), ', ' ORDER BY o.option_name)
                                       FROM pg_options_to_table(x.srvoptions) AS o) || ')') AS definition) AS k
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e WHERE e.classid = x.tableoid AND e.objid = x.oid AND e.deptype = 'e')
