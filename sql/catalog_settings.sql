-- Storage parameters of tables, and replica identities other than the primary key.
SELECT format('option-%s/%s/%s/0', o.option_name, x.tableoid, x.oid), 'option', n.nspname::text, k.table, k.table || ' ' || o.option_name,
       'option ' || quote_ident(o.option_name), NULL, format('ALTER TABLE %s SET (%I = %L)', k.table, o.option_name, o.option_value), NULL, NULL,
       format('ALTER TABLE %s RESET (%I)', k.table, o.option_name), NULL, NULL, false, false,
       json_build_array(json_build_array(NULL, o.option_value,
           format('ALTER TABLE %s SET (%I = %L)', k.table, o.option_name, o.option_value), NULL))
  FROM pg_catalog.pg_class AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
  CROSS JOIN LATERAL pg_options_to_table(x.reloptions) AS o
  CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, x.relname) AS table) AS k
 WHERE x.oid >= 16384 AND x.relkind IN ('r', 'p', 'm')
UNION ALL
SELECT format('replica identity/%s/%s/0', x.tableoid, x.oid), 'replica identity', n.nspname::text, k.table, k.table, 'replica identity', NULL,
       format('ALTER TABLE %s REPLICA IDENTITY %s', k.table, k.identity), NULL, NULL,
       format('ALTER TABLE %s REPLICA IDENTITY DEFAULT', k.table), NULL, NULL, false, false,
       json_build_array(json_build_array(NULL, k.identity, format('ALTER TABLE %s REPLICA IDENTITY %s', k.table, k.identity), NULL))
  FROM pg_catalog.pg_class AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
  LEFT JOIN pg_catalog.pg_index AS i ON i.indrelid = x.oid AND i.indisreplident
  LEFT JOIN pg_catalog.pg_class AS ic ON ic.oid = i.indexrelid
  CROSS JOIN LATERAL (
      SELECT format('%I.%I', n.nspname, x.relname) AS table,
             CASE x.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' ELSE 'USING INDEX ' || quote_ident(ic.relname) END AS identity) AS k
 WHERE x.oid >= 16384 AND x.relkind IN ('r', 'p') AND x.relreplident <> 'd' AND k.identity IS NOT NULL
