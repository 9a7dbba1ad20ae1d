-- What one of our backends waits for at this moment, and who is in its way; asked from another connection, which must not
-- get into anybody's way itself. pg_blocking_pids() stops the lock manager for a moment, so it is asked only of a backend
-- that does wait. What the role may not know of others is null, and their query is '<insufficient privilege>'.
BEGIN READ ONLY;
{ours}SET LOCAL lock_timeout = '100ms';
SET LOCAL statement_timeout = '5s';
WITH locks AS MATERIALIZED (
    SELECT * FROM pg_catalog.pg_locks
     WHERE EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE pid = {pid} AND wait_event_type = 'Lock')
), waited_for AS (
    SELECT * FROM locks WHERE pid = {pid} AND NOT granted
)
SELECT w.locktype, w.mode,
       (SELECT format('%I.%I', n.nspname, c.relname)
          FROM pg_catalog.pg_class AS c
          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
         -- Whoever waits for the end of a transaction that has written a row holds the lock of that row.
         WHERE c.oid = coalesce(w.relation, (SELECT min(t.relation) FROM locks AS t
                                              WHERE t.pid = w.pid AND t.locktype = 'tuple' AND t.granted))) AS relation,
       b.pid, a.backend_type, prepared.gid, a.application_name, a.usename::text,
       CASE a.query WHEN '<insufficient privilege>' THEN a.state IS NULL ELSE false END AS is_hidden,
       coalesce(a.state, CASE WHEN prepared.gid IS NOT NULL THEN 'prepared' END) AS state,
       extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, prepared.at))::float8 AS seconds,
       left(a.query, 4096), a.wait_event_type = 'Lock' AS waits, held.modes
  FROM waited_for AS w
 CROSS JOIN LATERAL (SELECT DISTINCT pid FROM unnest(pg_blocking_pids(w.pid)) AS pid) AS b
  LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = b.pid
 CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT h.mode) AS modes, min(h.virtualtransaction) AS virtualtransaction
      FROM locks AS h
     WHERE h.granted AND h.pid IS NOT DISTINCT FROM nullif(b.pid, 0)
       AND (h.locktype, h.database, h.relation, h.page, h.tuple, h.virtualxid, h.transactionid, h.classid, h.objid, h.objsubid)
           IS NOT DISTINCT FROM
           (w.locktype, w.database, w.relation, w.page, w.tuple, w.virtualxid, w.transactionid, w.classid, w.objid, w.objsubid)
 ) AS held
  -- A prepared transaction has no backend: its number is 0.
  LEFT JOIN LATERAL (
    SELECT x.gid, x.prepared AS at
      FROM locks AS t
      JOIN pg_catalog.pg_prepared_xacts AS x ON x.transaction = t.transactionid
     WHERE b.pid = 0 AND t.locktype = 'transactionid' AND t.virtualtransaction = held.virtualtransaction
 ) AS prepared ON true
 ORDER BY held.modes IS NULL, seconds DESC NULLS LAST, b.pid;
-- Of a commit that waits for a standby: who has to confirm it, and who is connected.
SELECT pg_catalog.current_setting('synchronous_standby_names'),
       ARRAY(SELECT r.application_name FROM pg_catalog.pg_stat_replication AS r
              WHERE r.application_name IS NOT NULL ORDER BY r.application_name)
  FROM pg_catalog.pg_stat_activity AS a
 WHERE a.pid = {pid} AND a.wait_event = 'SyncRep';
SELECT command, format('%I.%I', n.nspname, c.relname), phase, done, total
  FROM (SELECT pid, relid, command, phase,
               CASE WHEN lockers_total > 0 THEN lockers_done WHEN phase ~ 'tuples' THEN tuples_done ELSE blocks_done END,
               CASE WHEN lockers_total > 0 THEN lockers_total WHEN phase ~ 'tuples' THEN tuples_total ELSE blocks_total END
          FROM pg_catalog.pg_stat_progress_create_index
         UNION ALL
        SELECT pid, relid, 'VACUUM', phase, heap_blks_scanned, heap_blks_total FROM pg_catalog.pg_stat_progress_vacuum
         UNION ALL
        SELECT pid, relid, command, phase, heap_blks_scanned, heap_blks_total FROM pg_catalog.pg_stat_progress_cluster
       ) AS p (pid, relid, command, phase, done, total)
  LEFT JOIN pg_catalog.pg_class AS c ON c.oid = p.relid
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE p.pid = {pid};
COMMIT;
