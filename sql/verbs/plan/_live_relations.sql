-- The relations of these names, each with the number that it was asked by; an index stands beside its table. A query goes on
-- behind it.
SELECT w.number::int, e.rows, e.bytes
  FROM unnest({schemas}::text[], {names}::text[]) WITH ORDINALITY AS w(schema, name, number)
  JOIN pg_namespace AS n ON n.nspname = w.schema
  JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name
  LEFT JOIN pg_index AS x ON x.indexrelid = c.oid
