-- Indexes that are no constraint's.
SELECT format('%s/%s/0', x.tableoid, x.oid), 'index', n.nspname::text, k.table, k.name, 'index ' || quote_ident(x.relname),
       'INDEX ' || k.name,
       format('CREATE %sINDEX %I ON %s%s', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, x.relname,
              -- Not of all partitions: those that it has are attached.
              CASE WHEN x.relkind = 'I' AND NOT i.indisvalid THEN 'ONLY ' ELSE '' END, k.definition),
       NULL, NULL, NULL, format('ALTER INDEX %s RENAME TO', k.name), quote_ident(x.relname), false, x.relispartition,
       json_build_array(
           json_build_array(NULL, CASE WHEN i.indisunique THEN 'unique ' ELSE '' END || k.definition, NULL, NULL),
           json_build_array('valid', CASE WHEN i.indisvalid THEN 'valid' ELSE 'not valid' END, NULL, NULL))
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
  JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (
      SELECT format('%I.%I', n.nspname, c.relname) AS table, format('%I.%I', n.nspname, x.relname) AS name,
             regexp_replace(substr(pg_get_indexdef(x.oid),
                 length(format('CREATE %sINDEX %I ON ', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, x.relname)) + 1),
                 '^ONLY ', '') AS definition OFFSET 0) AS k
 WHERE c.relkind IN ('r', 'p', 'm') AND {ours}
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS d WHERE d.conindid = x.oid AND d.contype IN ('p', 'u', 'x'))
UNION ALL
SELECT format('%s/%s/0', x.tableoid, x.oid), 'statistics', n.nspname::text, format('%I.%I', cn.nspname, c.relname), k.name,
       'statistics ' || k.name, 'STATISTICS ' || k.name, pg_get_statisticsobjdef(x.oid), NULL, NULL, NULL, NULL, NULL, false, false,
       json_build_array(
           json_build_array(NULL, pg_get_statisticsobjdef(x.oid), NULL, NULL),
           json_build_array('target', coalesce(x.stxstattarget, -1)::text{so},
               format('ALTER STATISTICS %s SET STATISTICS %s', k.name, coalesce(x.stxstattarget, -1)), '-1'{end}))
  FROM pg_catalog.pg_statistic_ext AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.stxnamespace
  JOIN pg_catalog.pg_class AS c ON c.oid = x.stxrelid
  JOIN pg_catalog.pg_namespace AS cn ON cn.oid = c.relnamespace
  CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, x.stxname) AS name OFFSET 0) AS k
 WHERE {ours}
