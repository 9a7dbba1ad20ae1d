-- Which of these tables are not in the tenant's schema.
SELECT format('%I.%I', n.nspname, c.relname)
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.oid = ANY ({tables}::bigint[]) AND n.nspname <> {tenant} AND n.nspname !~ '^pg_'
 ORDER BY n.nspname, c.relname;
