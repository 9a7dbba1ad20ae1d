-- A log entry without a record.
INSERT INTO {log} (id, migration_hash, migration_id, operation, username, hostname, comment, created_at_utc)
VALUES ({entry}, {hash}, {id}, {operation}, left({username}, 255), left({hostname}, 255), left({comment}, 255),
        clock_timestamp() AT TIME ZONE 'UTC');
