-- The state of what is watched, seen from the session that rehearses: the file that holds the rows (null: dropped), how
-- often all rows were read, and the locks that the transaction has. Scans of ALTER TABLE and of index builds count as
-- queries' do, on an empty table as well; VACUUM's have a counter of their own.
SELECT w.oid::bigint, c.relfilenode::bigint,
       coalesce(pg_catalog.pg_stat_get_numscans(w.oid), 0) + coalesce(pg_catalog.pg_stat_get_xact_numscans(w.oid), 0)
         + coalesce(pg_catalog.pg_stat_get_vacuum_count(w.oid), 0) AS scans,
       coalesce(l.modes, ARRAY[]::text[]) AS modes
  FROM pg_catalog.unnest({oids}::oid[]) AS w(oid)
  LEFT JOIN pg_catalog.pg_class AS c ON c.oid = w.oid
  LEFT JOIN (SELECT relation, pg_catalog.array_agg(mode) AS modes
               FROM pg_catalog.pg_locks
              WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'relation'
                AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
              GROUP BY relation) AS l ON l.relation = w.oid
