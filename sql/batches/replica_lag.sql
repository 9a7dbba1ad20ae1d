-- How far replicas are behind, in seconds, and whether this role may know.
SELECT count(*), extract(epoch FROM max(replay_lag))::float8, pg_has_role('pg_read_all_stats', 'USAGE')
  FROM pg_catalog.pg_stat_replication;
