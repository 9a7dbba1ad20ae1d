-- Which database that is: the same by whatever name or address, as a role without any right. No row where there is none.
SELECT extract(epoch FROM pg_catalog.pg_postmaster_start_time())::text AS server_started_at, d.oid::bigint AS oid
  FROM pg_catalog.pg_database AS d
 WHERE d.datname = {database};
