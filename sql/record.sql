-- yoyo's record and its log entry, and the lock row gone, in one statement. The log's unused comment column holds the
-- checksum of what was run. Times are UTC, as yoyo keeps them.
WITH unlocked AS (
    DELETE FROM {lock} WHERE locked = 1
), record AS (
    INSERT INTO {records} (migration_hash, migration_id, applied_at_utc)
    VALUES ({hash}, {id}, clock_timestamp() AT TIME ZONE 'UTC')
    RETURNING migration_hash, migration_id, applied_at_utc
)
INSERT INTO {log} (id, migration_hash, migration_id, operation, username, hostname, comment, created_at_utc)
SELECT {entry}, migration_hash, migration_id, {operation}, left({username}, 255), left({hostname}, 255), {checksum},
       applied_at_utc
  FROM record;
COMMIT;
