-- Options of tables, of what they keep elsewhere (toast) and of their columns; statistics targets of what else has columns;
-- the index that CLUSTER goes by; replica identities other than the primary key.
SELECT format('option-%s/%s/%s/%s', o.name, x.tableoid, x.oid, o.number) AS address, 'option', n.nspname::text, k.table,
       concat_ws(' ', concat_ws('.', k.table, o.column), o.name), concat_ws(' ', o.column, 'option', o.name), NULL,
       format('%s %s (%s%s %L)', s.alters, s.sets, s.adds, o.name || s.is, o.value), NULL, to_char(o.place, 'FM0000'),
       format('%s %s (%s%s)', s.alters, s.resets, s.drops, o.name), NULL, NULL, false, false,
       json_build_array(json_build_array(NULL, o.value{so}, format('%s %s (%s%s %L)', s.alters, s.sets, s.changes, o.name || s.is, o.value), NULL{end}))
  FROM pg_catalog.pg_class AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
  CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, x.relname) AS table) AS k
  CROSS JOIN LATERAL (
      SELECT 0 AS number, NULL AS column, quote_ident(r.option_name) AS name, r.option_value AS value, false AS is_foreign, r.place
        FROM pg_options_to_table(x.reloptions) WITH ORDINALITY AS r(option_name, option_value, place)
      UNION ALL
      SELECT 0, NULL, 'toast.' || quote_ident(r.option_name), r.option_value, false, r.place
        FROM pg_catalog.pg_class AS t
       CROSS JOIN LATERAL pg_options_to_table(t.reloptions) WITH ORDINALITY AS r(option_name, option_value, place)
       WHERE t.oid = x.reltoastrelid AND t.reloptions IS NOT NULL
      UNION ALL
      -- The server itself keeps pg_attver there, since 15.20, and takes it from nobody.
      SELECT a.attnum, quote_ident(a.attname), quote_ident(r.option_name), r.option_value, false, 0
        FROM pg_catalog.pg_attribute AS a CROSS JOIN LATERAL pg_options_to_table(a.attoptions) AS r
       WHERE a.attrelid = x.oid AND a.attoptions IS NOT NULL AND a.attnum > 0 AND NOT a.attisdropped AND r.option_name <> 'pg_attver'
      UNION ALL
      SELECT a.attnum, quote_ident(a.attname), quote_ident(r.option_name), r.option_value, true, 0
        FROM pg_catalog.pg_attribute AS a CROSS JOIN LATERAL pg_options_to_table(a.attfdwoptions) AS r
       WHERE a.attrelid = x.oid AND a.attfdwoptions IS NOT NULL AND a.attnum > 0 AND NOT a.attisdropped) AS o
  CROSS JOIN LATERAL (
      SELECT concat_ws(' ', CASE WHEN x.relkind = 'f' THEN 'ALTER FOREIGN TABLE' ELSE 'ALTER TABLE' END, k.table, 'ALTER COLUMN ' || o.column) AS alters,
             CASE WHEN o.is_foreign THEN 'OPTIONS' ELSE 'SET' END AS sets, CASE WHEN o.is_foreign THEN 'OPTIONS' ELSE 'RESET' END AS resets,
             CASE WHEN o.is_foreign THEN 'ADD ' ELSE '' END AS adds, CASE WHEN o.is_foreign THEN 'SET ' ELSE '' END AS changes,
             CASE WHEN o.is_foreign THEN '' ELSE ' =' END AS is, CASE WHEN o.is_foreign THEN 'DROP ' ELSE '' END AS drops) AS s
 WHERE x.oid >= 16384 AND x.relkind IN ('r', 'p', 'm', 'f')
UNION ALL
SELECT format('statistics-%s/%s/%s/0', a.attnum, coalesce(d.tableoid, x.tableoid), coalesce(d.oid, x.oid)), 'option', n.nspname::text,
       format('%I.%I', n.nspname, coalesce(c.relname, x.relname)), format('%s.%s statistics', k.name, k.column),
       concat_ws(' ', 'index ' || quote_ident(CASE WHEN c.relname IS NOT NULL THEN x.relname END), k.column, 'statistics'), NULL,
       format('%s SET STATISTICS %s', k.alters, a.attstattarget), NULL, NULL, format('%s SET STATISTICS -1', k.alters), NULL, NULL, false, false,
       json_build_array(json_build_array(NULL, a.attstattarget::text{so}, format('%s SET STATISTICS %s', k.alters, a.attstattarget), NULL{end}))
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_class AS x ON x.oid = a.attrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
  LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = x.oid
  LEFT JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
  LEFT JOIN pg_catalog.pg_constraint AS d ON d.conindid = x.oid AND d.contype IN ('p', 'u', 'x')
  CROSS JOIN LATERAL (
      SELECT format('%I.%I', n.nspname, x.relname) AS name, CASE x.relkind WHEN 'm' THEN quote_ident(a.attname) ELSE a.attnum::text END AS column) AS q
  CROSS JOIN LATERAL (
      SELECT q.name, q.column, format('ALTER %s %s ALTER COLUMN %s', CASE x.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'INDEX' END, q.name, q.column) AS alters) AS k
 WHERE x.oid >= 16384 AND x.relkind IN ('i', 'I', 'm') AND a.attstattarget >= 0 AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT format('cluster/%s/%s/0', x.tableoid, x.oid), 'option', n.nspname::text, k.table, k.table || ' CLUSTER ON', 'CLUSTER ON', NULL,
       k.sets, NULL, NULL, format('ALTER TABLE %s SET WITHOUT CLUSTER', k.table), NULL, NULL, false, false,
       json_build_array(json_build_array(NULL, quote_ident(ic.relname), k.sets, NULL))
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS x ON x.oid = i.indrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
  JOIN pg_catalog.pg_class AS ic ON ic.oid = i.indexrelid
  CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, x.relname) AS table,
                             format('ALTER TABLE %I.%I CLUSTER ON %I', n.nspname, x.relname, ic.relname) AS sets) AS k
 WHERE x.oid >= 16384 AND i.indisclustered
UNION ALL
SELECT format('replica identity/%s/%s/0', x.tableoid, x.oid), 'replica identity', n.nspname::text, k.table, k.table, 'replica identity', NULL,
       format('ALTER TABLE %s REPLICA IDENTITY %s', k.table, k.identity), NULL, NULL,
       format('ALTER TABLE %s REPLICA IDENTITY DEFAULT', k.table), NULL, NULL, false, false,
       json_build_array(json_build_array(NULL, k.identity{so}, format('ALTER TABLE %s REPLICA IDENTITY %s', k.table, k.identity), NULL{end}))
  FROM pg_catalog.pg_class AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
  LEFT JOIN pg_catalog.pg_index AS i ON i.indrelid = x.oid AND i.indisreplident
  LEFT JOIN pg_catalog.pg_class AS ic ON ic.oid = i.indexrelid
  CROSS JOIN LATERAL (
      SELECT format('%I.%I', n.nspname, x.relname) AS table,
             CASE x.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' ELSE 'USING INDEX ' || quote_ident(ic.relname) END AS identity) AS k
 WHERE x.oid >= 16384 AND x.relkind IN ('r', 'p') AND x.relreplident <> 'd' AND k.identity IS NOT NULL
