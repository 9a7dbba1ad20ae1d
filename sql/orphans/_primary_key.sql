-- The columns of a table's primary key, in its order, as JSON. An expression.
(SELECT coalesce(json_agg(a.attname ORDER BY k.n), '[]')
   FROM pg_catalog.pg_constraint AS pk
  CROSS JOIN LATERAL unnest(pk.conkey) WITH ORDINALITY AS k(attnum, n)
   JOIN pg_catalog.pg_attribute AS a ON a.attrelid = pk.conrelid AND a.attnum = k.attnum
  WHERE pk.conrelid = {table} AND pk.contype = 'p')
