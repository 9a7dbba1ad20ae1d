-- The tables of this database, catalogs too, that have rows, or that somebody has written to, by what is asked. What ANALYZE
-- writes is left out.
SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name,
       -- what a trigger or a rule does that fires all the same is not undone
       c.relkind = 'r' AND n.nspname <> 'pg_catalog'
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgenabled IN ('A', 'R'))
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = c.oid AND r.ev_enabled IN ('A', 'R'))
           AS may_delete,
       pg_total_relation_size(c.oid) AS size
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND NOT c.relisshared
   AND c.oid NOT IN ('pg_catalog.pg_statistic'::regclass, 'pg_catalog.pg_statistic_ext_data'::regclass)
   AND {those};
