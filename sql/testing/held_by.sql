-- What keeps the session's database from being dropped, as the statements that end it, each to be sent alone.
SELECT statement
  FROM (SELECT 1 AS turn, format('ROLLBACK PREPARED %L', gid) AS statement
          FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()
        UNION ALL
        SELECT turn, format(step, s.subname)
          FROM pg_catalog.pg_subscription AS s
          JOIN pg_catalog.pg_database AS d ON d.oid = s.subdbid AND d.datname = current_database()
         CROSS JOIN (VALUES (2, 'ALTER SUBSCRIPTION %I DISABLE'),
                            -- The other server's slot is not ours to drop, and need not be there.
                            (3, 'ALTER SUBSCRIPTION %I SET (slot_name = NONE)'),
                            (4, 'DROP SUBSCRIPTION %I')) AS steps(turn, step)
        UNION ALL
        SELECT 5, format('SELECT pg_drop_replication_slot(%L)', slot_name)
          FROM pg_catalog.pg_replication_slots WHERE database = current_database()
        UNION ALL
        SELECT 6, format('ALTER DATABASE %I IS_TEMPLATE false', datname)
          FROM pg_catalog.pg_database WHERE datname = current_database() AND datistemplate) AS held
 ORDER BY turn, statement;
