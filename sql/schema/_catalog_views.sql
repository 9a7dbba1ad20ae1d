-- Views and materialized views; the statement that makes one ends in its definition, which is the value of that fact.
SELECT format('%s/%s/0', x.tableoid, x.oid), k.kind, n.nspname::text, k.name, k.name, k.name, upper(k.kind) || ' ' || k.name,
       format(E'CREATE %s %s%s AS\n', upper(k.kind), k.name, k.options), NULL, NULL, NULL, NULL, NULL, false, false,
       json_build_array(
           json_build_array('options', k.options{so}, CASE x.relkind WHEN 'v' THEN format(E'CREATE OR REPLACE VIEW %s%s AS\n', k.name, k.options) END, NULL{end}),
           json_build_array('columns', (SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
                                          FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = x.oid AND a.attnum > 0 AND NOT a.attisdropped),
                            NULL, NULL),
           json_build_array('definition', rtrim(pg_get_viewdef(x.oid), ';'){so},
                            CASE x.relkind WHEN 'v' THEN format(E'CREATE OR REPLACE VIEW %s%s AS\n', k.name, k.options) END, NULL{end}))
  FROM pg_catalog.pg_class AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
  LEFT JOIN pg_catalog.pg_am AS am ON am.oid = x.relam
  CROSS JOIN LATERAL (
      SELECT format('%I.%I', n.nspname, x.relname) AS name, CASE x.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END AS kind,
             -- Those of a materialized view are options of their own.
             CASE x.relkind WHEN 'v' THEN coalesce(' WITH (' || array_to_string(x.reloptions, ', ') || ')', '')
                            ELSE coalesce(' USING ' || quote_ident(nullif(am.amname, 'heap')), '') END AS options OFFSET 0) AS k
 WHERE x.relkind IN ('v', 'm') AND {ours}
