-- The schemas whose records Citus has taken to another node; sent where there is Citus.
SELECT n.nspname::text
  FROM pg_catalog.pg_dist_partition AS p
  JOIN pg_catalog.pg_class AS c ON c.oid = p.logicalrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relname = {table};
