-- The state of all that is watched, seen from the session that rehearses: the file that holds the rows (0: none, or it is
-- dropped), how often all rows were read, what this session has not yet told others apart, and the locks. Scans of ALTER
-- TABLE and of index builds count as queries' do, on an empty table as well; VACUUM's have a counter of their own.
WITH held AS (
    SELECT relation, pg_catalog.array_agg(mode) AS modes
      FROM pg_catalog.pg_locks
     WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'relation'
       AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
     GROUP BY relation
)
SELECT w.oid::bigint, coalesce(pg_catalog.pg_relation_filenode(w.oid), 0)::bigint AS filenode,
       coalesce(pg_catalog.pg_stat_get_numscans(w.oid), 0) + coalesce(pg_catalog.pg_stat_get_vacuum_count(w.oid), 0) AS told,
       coalesce(pg_catalog.pg_stat_get_xact_numscans(w.oid), 0) AS untold,
       coalesce(held.modes, ARRAY[]::text[]) AS modes
  FROM pg_catalog.unnest({watched}::oid[]) AS w(oid)
  LEFT JOIN held ON held.relation = w.oid;
