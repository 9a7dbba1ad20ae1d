-- What a rehearsal watches: every relation that is there before the first pending file, PostgreSQL's own, yoyo's and ours
-- aside. An index comes with its table.
SELECT c.oid::bigint, n.nspname::text, c.relname::text, c.relkind::text, x.indrelid::bigint
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_index AS x ON x.indexrelid = c.oid
  JOIN pg_catalog.pg_class AS t ON t.oid = coalesce(x.indrelid, c.oid)
 WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f', 'i', 'I', 'S')
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'sqlrail')
   AND t.oid NOT IN ({bookkeeping})
 ORDER BY c.oid;
