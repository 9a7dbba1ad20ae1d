-- yoyo's record; applied_at is UTC, as yoyo keeps it.
INSERT INTO {records} (migration_hash, migration_id, applied_at_utc)
VALUES ({hash}, {id}, clock_timestamp() AT TIME ZONE 'UTC');
