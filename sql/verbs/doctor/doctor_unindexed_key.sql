-- Foreign keys whose columns lead no index: each DELETE and UPDATE of a parent reads the whole child. An index that is not
-- valid is an illness of its own, and has these columns when it is mended. PERIOD has indexes of another kind.
SELECT k.name, format('constraint %I', min(d.conname::text)),
       format('no index begins with (%s): each deletion in %s reads the whole table', k.columns, min(p.oid::regclass::text)),
       NULL,
       CASE WHEN x.relkind = 'p' THEN ARRAY[format('CREATE INDEX ON %s (%s)', k.name, k.columns)] END,
       CASE WHEN x.relkind = 'r' THEN ARRAY[format('CREATE INDEX CONCURRENTLY ON %s (%s)', k.name, k.columns)] END,
       NULL::jsonb, NULL::text
  FROM pg_catalog.pg_constraint AS d
  JOIN pg_catalog.pg_class AS x ON x.oid = d.conrelid
  JOIN pg_catalog.pg_class AS p ON p.oid = d.confrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
 CROSS JOIN LATERAL (
      SELECT format('%I.%I', n.nspname, x.relname) AS name, string_agg(format('%I', a.attname), ', ' ORDER BY c.n) AS columns,
             array_agg(c.attnum ORDER BY c.attnum) AS numbers
        FROM unnest(d.conkey) WITH ORDINALITY AS c(attnum, n)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.oid AND a.attnum = c.attnum) AS k
 WHERE d.contype = 'f' AND d.conparentid = 0 AND NOT coalesce((to_jsonb(d)->>'conperiod')::boolean, false) AND {tables}
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_index AS i
                     JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
                     JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
                    WHERE i.indrelid = x.oid AND i.indislive AND i.indpred IS NULL
                      AND (m.amname = 'btree' OR m.amname = 'hash' AND cardinality(d.conkey) = 1)
                      AND i.indnkeyatts >= cardinality(d.conkey)
                      AND (i.indkey::int2[])[0 : cardinality(d.conkey) - 1] @> d.conkey)
 GROUP BY k.name, x.relkind, k.numbers, k.columns
 ORDER BY 1, 2;
