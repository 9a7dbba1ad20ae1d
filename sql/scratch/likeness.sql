-- What a scratch database has to have like this one for files to mean the same in it: the schemas that names without one
-- are looked up in, those of them that are not PostgreSQL's own, and the settings that the server's file, the database
-- and the role give to a session, each as [name, value], the last word on each. Of settings those count that change what
-- a text means, and custom ones; limits are ours to set, and scans are counted (plan looks at that). Last the search_path as
-- it is written.
SELECT current_setting('sqlrail.schemas')::text[] AS path,
       ARRAY(SELECT s FROM pg_catalog.unnest(current_setting('sqlrail.schemas')::text[]) AS s
              WHERE s !~ '^pg_' AND s <> 'information_schema') AS own,
       (WITH known AS (
            SELECT pg_catalog.lower(name) AS name, reset_val AS value, source FROM pg_catalog.pg_settings
             WHERE category IN ('Client Connection Defaults / Statement Behavior',
                                'Client Connection Defaults / Locale and Formatting',
                                'Version and Platform Compatibility / Previous PostgreSQL Versions',
                                'Version and Platform Compatibility / Other Platforms and Clients')
               AND context IN ('user', 'superuser')
               AND name !~ 'timeout'
               AND name NOT IN ('search_path', 'lc_messages', 'temp_tablespaces', 'client_encoding',
                                'default_transaction_read_only', 'transaction_read_only', 'transaction_isolation',
                                'transaction_deferrable')
        ), said AS (
            SELECT 0 AS rank, name, value FROM known WHERE source = 'configuration file'
            UNION ALL
            SELECT 1 + (s.setdatabase <> 0)::int + 2 * (s.setrole <> 0)::int,
                   pg_catalog.split_part(c, '=', 1), pg_catalog.substr(c, pg_catalog.strpos(c, '=') + 1)
              FROM pg_catalog.pg_db_role_setting AS s, pg_catalog.unnest(s.setconfig) AS c
             WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database AS d
                                          WHERE d.datname = pg_catalog.current_database()))
               AND s.setrole IN (0, (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user))
               AND (pg_catalog.split_part(c, '=', 1) ~ '[.]'
                    OR pg_catalog.lower(pg_catalog.split_part(c, '=', 1)) IN (SELECT name FROM known))
            UNION ALL
            SELECT 9, name, '0' FROM pg_catalog.pg_settings
             WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout',
                            'idle_session_timeout', 'transaction_timeout')
               AND reset_val <> '0'
            UNION ALL
            SELECT 9, name, CASE name WHEN 'track_counts' THEN 'on' ELSE 'off' END FROM pg_catalog.pg_settings
             WHERE (name = 'track_counts' AND reset_val <> 'on')
                OR (name = 'default_transaction_read_only' AND reset_val <> 'off')
        )
        SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(name, value) ORDER BY name), '[]')
          FROM (SELECT DISTINCT ON (pg_catalog.lower(name)) name, value FROM said
                 ORDER BY pg_catalog.lower(name), rank DESC) AS last) AS settings,
       current_setting('sqlrail.search_path') AS written;
