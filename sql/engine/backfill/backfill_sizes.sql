-- Tables that a plan reads wholly, if they are larger than so many bytes.
SELECT format('%I.%I', n.nspname, c.relname), pg_relation_size(c.oid)
  FROM unnest({schemas}::text[], {tables}::text[]) AS read (schema, name)
  JOIN pg_catalog.pg_namespace AS n ON n.nspname = read.schema
  JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = read.name
 WHERE pg_relation_size(c.oid) > {least}
 ORDER BY 2 DESC;
