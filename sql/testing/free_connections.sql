-- How many more connections this role may have to the server.
SELECT least(s.free, nullif(r.rolconnlimit, -1) - (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE usesysid = r.oid))
  FROM pg_catalog.pg_roles AS r,
       (SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
               - sum(numbackends)
          FROM pg_catalog.pg_stat_database) AS s (free)
 WHERE r.rolname = current_user;
