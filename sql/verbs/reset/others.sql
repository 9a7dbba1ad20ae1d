-- Who else is in this database, at this moment. Columns that the role may not read are null, backend_type too: then whoever has a
-- role is a client, for the server's own workers have none.
SELECT WHERE pg_stat_clear_snapshot() IS NULL;
SELECT pid, usename, application_name, host(client_addr), state
  FROM pg_catalog.pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
   -- Citus keeps connections between its nodes, to look for deadlocks and for later: nobody is behind one that idles.
   AND (state = 'idle' AND application_name LIKE 'citus_internal gpid=%') IS NOT TRUE
   AND CASE WHEN backend_type IS NULL THEN usesysid IS NOT NULL ELSE backend_type IN ('client backend', 'walsender') END
UNION ALL
SELECT NULL, owner, 'prepared transaction ' || gid, NULL, 'prepared'
  FROM pg_catalog.pg_prepared_xacts
 WHERE database = current_database();
