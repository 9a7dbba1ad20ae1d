-- Sequences, and the columns that own them. Those of identity columns belong to these.
SELECT format('%s/%s/0', x.tableoid, x.oid), 'sequence', n.nspname::text, NULL, k.name, k.name, 'SEQUENCE ' || k.name,
       format('CREATE %sSEQUENCE %s%s%s', CASE x.relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END, k.name, CASE WHEN t.top < 9223372036854775807 THEN ' AS ' || format_type(s.seqtypid, NULL) END, o.options),
       NULL, NULL, NULL, NULL, NULL, true, false,
       json_build_array(
           json_build_array('type', format_type(s.seqtypid, NULL){so},
               format('ALTER SEQUENCE %s AS %s MINVALUE %s MAXVALUE %s', k.name, format_type(s.seqtypid, NULL), s.seqmin, s.seqmax), NULL{end}),
           json_build_array('persistence', CASE x.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'logged' END{so},
               format('ALTER SEQUENCE %s SET %s', k.name, CASE x.relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE 'LOGGED' END), NULL{end}),
{numbers})
  FROM pg_catalog.pg_sequence AS s
  JOIN pg_catalog.pg_class AS x ON x.oid = s.seqrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
{options}  CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, x.relname) AS name, format('ALTER SEQUENCE %I.%I', n.nspname, x.relname) AS change) AS k
 WHERE {ours}
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS i
                    WHERE i.classid = x.tableoid AND i.objid = x.oid
                      AND (i.deptype = 'i' OR i.deptype = 'a' AND i.refclassid = x.tableoid AND i.refobjid IN ({bookkeeping})))
UNION ALL
SELECT format('owner/%s/%s/0', x.tableoid, x.oid), 'owner', n.nspname::text, k.name, k.name || ' ' || k.owner,
       'owned by ' || k.owner, NULL, format('ALTER SEQUENCE %s OWNED BY %s', k.name, k.owner), NULL,
       format('SELECT setval(%L, max(%I)) FROM %I.%I HAVING max(%I) IS NOT NULL', k.name, a.attname, cn.nspname, c.relname, a.attname),
       format('ALTER SEQUENCE %s OWNED BY NONE', k.name), NULL, NULL, false, false, '[]'
  FROM pg_catalog.pg_class AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
  JOIN pg_catalog.pg_depend AS d ON d.classid = x.tableoid AND d.objid = x.oid AND d.deptype = 'a'
       AND d.refclassid = x.tableoid AND d.refobjsubid > 0
  JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid
  JOIN pg_catalog.pg_namespace AS cn ON cn.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
  CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, x.relname) AS name,
                             format('%I.%I.%I', cn.nspname, c.relname, a.attname) AS owner) AS k
 WHERE x.relkind = 'S' AND {ours}
