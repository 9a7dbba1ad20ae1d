-- At the beginning of a transaction: the scans of what is watched that its session has not yet told others, where there are any.
SELECT w.oid::bigint, pg_catalog.pg_stat_get_xact_numscans(w.oid) AS untold
  FROM pg_catalog.unnest({watched}::oid[]) AS w(oid)
 WHERE pg_catalog.pg_stat_get_xact_numscans(w.oid) > 0::bigint;
