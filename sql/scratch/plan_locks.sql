-- Whom a session waits for, and then which locks it has or asks for.
SELECT pg_catalog.pg_blocking_pids({pid}) AS blockers;
SELECT relation::bigint, mode
  FROM pg_catalog.pg_locks
 WHERE pid = {pid} AND locktype = 'relation'
   AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database());
