-- The state of some relations, and of those among the watched that the transaction has locked, seen from the session that
-- rehearses (it locks what is new as well, and that grows with the file): the file that holds the rows (null: dropped),
-- how often all rows were read, and the locks. Scans of ALTER TABLE and of index builds count as queries' do, on an empty
-- table as well; VACUUM's have a counter of their own.
WITH held AS (
    SELECT relation, pg_catalog.array_agg(mode) AS modes
      FROM pg_catalog.pg_locks
     WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'relation' AND relation = ANY ({watched}::oid[])
       AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
     GROUP BY relation
)
SELECT w.oid::bigint, c.relfilenode::bigint,
       coalesce(pg_catalog.pg_stat_get_numscans(w.oid), 0) + coalesce(pg_catalog.pg_stat_get_xact_numscans(w.oid), 0)
         + coalesce(pg_catalog.pg_stat_get_vacuum_count(w.oid), 0) AS scans,
       coalesce(held.modes, ARRAY[]::text[]) AS modes
  FROM (SELECT pg_catalog.unnest({oids}::oid[]) UNION SELECT relation FROM held) AS w(oid)
  LEFT JOIN pg_catalog.pg_class AS c ON c.oid = w.oid
  LEFT JOIN held ON held.relation = w.oid
