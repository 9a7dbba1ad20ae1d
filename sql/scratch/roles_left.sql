-- The roles that were made for scratch databases, this run's and those of killed ones; none while somebody needs them.
WITH ours AS (SELECT pg_catalog.pg_advisory_unlock_shared(7305801643522180) AS is_back)
SELECT r.rolname::text
  FROM (SELECT is_back AND pg_catalog.pg_try_advisory_lock(7305801643522180) AS is_alone FROM ours OFFSET 0) AS now, pg_catalog.pg_roles AS r
 WHERE now.is_alone
   AND pg_catalog.shobj_description(r.oid, 'pg_authid') = 'made by sqlrail for a scratch database';
