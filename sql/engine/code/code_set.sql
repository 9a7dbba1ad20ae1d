-- What is set of views and routines, whoever has made them: class, id, options.
SELECT c.tableoid::bigint, c.oid::bigint, c.reloptions
  FROM pg_catalog.pg_class AS c WHERE c.relkind = 'v' AND c.reloptions IS NOT NULL
 UNION ALL
SELECT p.tableoid::bigint, p.oid::bigint, p.proconfig
  FROM pg_catalog.pg_proc AS p WHERE p.proconfig IS NOT NULL;
