-- Each is waited for, so many milliseconds. Of autovacuum, and of roles that this one is not, there is nothing to end.
SELECT count(pg_terminate_backend(pid, {timeout}))
  FROM pg_catalog.pg_stat_activity
 WHERE datname = {database} AND pid <> pg_backend_pid() AND pg_has_role(usename, 'USAGE');
