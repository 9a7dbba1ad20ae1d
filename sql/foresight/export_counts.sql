-- For other connections to see the same rows.
SELECT pg_export_snapshot() AS snapshot,
       (SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int - count(*)
          FROM pg_stat_activity WHERE backend_type = 'client backend') AS room;
