-- A log entry without a record.
INSERT INTO {log} (id, migration_hash, migration_id, operation, username, hostname, comment, created_at_utc)
VALUES ({entry}, {hash}, {id}, {operation}, pg_catalog.left({username}, 255),
        pg_catalog.left({hostname}, 255), pg_catalog.left({comment}, 255),
        pg_catalog.timezone('UTC', pg_catalog.clock_timestamp()));
