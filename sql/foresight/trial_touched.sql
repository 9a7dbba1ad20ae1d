-- How often each watched relation was read or given rows by whoever works in this database, this session's own included. A
-- statement that failed has let its locks go; this it cannot take back.
SELECT w.oid::bigint,
       (coalesce(pg_catalog.pg_stat_get_numscans(w.oid), 0) + coalesce(pg_catalog.pg_stat_get_xact_numscans(w.oid), 0)
        + coalesce(pg_catalog.pg_stat_get_tuples_inserted(w.oid), 0)
        + coalesce(pg_catalog.pg_stat_get_xact_tuples_inserted(w.oid), 0))::bigint AS times
  FROM pg_catalog.unnest({watched}::oid[]) AS w(oid);
