-- Publications, and what is in them.
SELECT format('%s/%s/0', x.tableoid, x.oid), 'publication', NULL, NULL, k.name, k.name, 'PUBLICATION ' || k.name,
       format('CREATE PUBLICATION %s%s WITH (%s)', k.name, CASE WHEN x.puballtables THEN ' FOR ALL TABLES' ELSE '' END, k.options),
       NULL, NULL, NULL, NULL, NULL, false, false,
       json_build_array(
           json_build_array('all tables', CASE WHEN x.puballtables THEN 'yes' ELSE 'no' END, NULL, NULL),
           json_build_array('options', k.options{so}, format('ALTER PUBLICATION %s SET (%s)', k.name, k.options), NULL{end}))
  FROM pg_catalog.pg_publication AS x
  CROSS JOIN LATERAL (
      SELECT quote_ident(x.pubname) AS name,
             concat_ws(', ', format('publish = %L', concat_ws(', ', CASE WHEN x.pubinsert THEN 'insert' END, CASE WHEN x.pubupdate THEN 'update' END,
                                                             CASE WHEN x.pubdelete THEN 'delete' END, CASE WHEN x.pubtruncate THEN 'truncate' END)),
                       CASE WHEN x.pubviaroot THEN 'publish_via_partition_root = true' END,
                       CASE to_jsonb(x) ->> 'pubgencols' WHEN 's' THEN 'publish_generated_columns = stored' END) AS options) AS k
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e WHERE e.classid = x.tableoid AND e.objid = x.oid AND e.deptype = 'e')
UNION ALL
SELECT format('%s/%s/0', x.tableoid, x.oid), 'published table', n.nspname::text, k.table, k.table || ' ' || k.publication,
       'publication ' || k.publication, NULL, format('ALTER PUBLICATION %s ADD TABLE %s%s', k.publication, k.table, k.parts), NULL, NULL,
       format('ALTER PUBLICATION %s DROP TABLE %s', k.publication, k.table), NULL, NULL, false, false,
       json_build_array(json_build_array(NULL, k.parts, NULL, NULL))
  FROM pg_catalog.pg_publication_rel AS x
  JOIN pg_catalog.pg_publication AS p ON p.oid = x.prpubid
  JOIN pg_catalog.pg_class AS c ON c.oid = x.prrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (
      SELECT format('%I.%I', n.nspname, c.relname) AS table, quote_ident(p.pubname) AS publication,
             concat(' (' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute AS a
                              WHERE a.attrelid = c.oid AND a.attnum = ANY (x.prattrs::int2[])) || ')',
                    ' WHERE (' || pg_get_expr(x.prqual, x.prrelid) || ')') AS parts) AS k
UNION ALL
SELECT format('%s/%s/0', x.tableoid, x.oid), 'published schema', n.nspname::text, NULL, k.schema || ' ' || k.publication,
       k.schema || ' ' || k.publication, NULL, format('ALTER PUBLICATION %s ADD TABLES IN SCHEMA %s', k.publication, k.schema), NULL, NULL,
       format('ALTER PUBLICATION %s DROP TABLES IN SCHEMA %s', k.publication, k.schema), NULL, NULL, false, false, '[]'
  FROM pg_catalog.pg_publication_namespace AS x
  JOIN pg_catalog.pg_publication AS p ON p.oid = x.pnpubid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.pnnspid
  CROSS JOIN LATERAL (SELECT quote_ident(n.nspname) AS schema, quote_ident(p.pubname) AS publication) AS k
