-- Tables that a plan reads wholly, if they are larger than so many bytes; partitions of one table count together.
SELECT format('%I.%I', n.nspname, r.relname), sum(pg_relation_size(c.oid))::bigint
  FROM unnest({schemas}::text[], {tables}::text[]) AS read (schema, name)
  JOIN pg_catalog.pg_namespace AS s ON s.nspname = read.schema
  JOIN pg_catalog.pg_class AS c ON c.relnamespace = s.oid AND c.relname = read.name
  JOIN pg_catalog.pg_class AS r ON r.oid = coalesce(pg_partition_root(c.oid), c.oid)
  JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace
 GROUP BY r.oid, n.nspname, r.relname
HAVING sum(pg_relation_size(c.oid)) > {least}
 ORDER BY 2 DESC;
