-- Who holds the runners' lock, or is in the way of a tenant's. Columns that the role may not read are null.
SELECT a.pid, a.application_name, a.usename, host(a.client_addr),
       extract(epoch FROM clock_timestamp() - a.xact_start)::int AS age
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_stat_activity AS a USING (pid)
 WHERE l.locktype = 'advisory' AND l.granted
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
   AND CASE l.objsubid
            WHEN 1 THEN (l.classid::bigint << 32 | l.objid::bigint) = {key} AND (l.mode = 'ExclusiveLock' OR {tenant} IS NULL)
            WHEN 2 THEN l.classid = {key_of_tenants} AND l.objid = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = {tenant})
       END;
