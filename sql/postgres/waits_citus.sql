-- What waits.sql asks, of a backend that waits on another node of Citus, for which nobody is in the way here. The numbers of
-- the backends are those of the whole cluster, which Citus's own pg_terminate_backend() takes.
BEGIN READ ONLY;
{ours}SET LOCAL lock_timeout = '100ms';
SET LOCAL statement_timeout = '5s';
SELECT 'citus', '', NULL::text AS relation, w.blocking_gpid, a.backend_type, NULL::text AS gid, a.application_name,
       a.usename::text, a.query = '<insufficient privilege>' IS TRUE AS is_hidden, a.state,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS seconds,
       left(coalesce(a.query, w.current_statement_in_blocking_process), 4096), a.wait_event_type = 'Lock' AS waits,
       NULL::text[] AS modes
  FROM pg_catalog.citus_lock_waits AS w
  LEFT JOIN LATERAL (SELECT * FROM pg_catalog.citus_stat_activity AS s
                      WHERE s.global_pid = w.blocking_gpid AND NOT s.is_worker_query LIMIT 1) AS a ON true
 WHERE w.waiting_gpid = citus_calculate_gpid(citus_coordinator_nodeid(), {pid})
 ORDER BY seconds DESC NULLS LAST, w.blocking_gpid;
COMMIT;
