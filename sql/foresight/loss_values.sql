-- The rows that have a value in a column that goes. IS NOT NULL would not do: of a composite it looks at the fields.
SELECT count(*) FROM ONLY {table} AS t WHERE num_nonnulls(t.{column}) > 0;
