-- The way back from record.sql: the record gone, and a log entry with the checksum of what was run.
WITH gone AS (
    DELETE FROM {records} WHERE migration_hash = {hash} AND txid_current() = {transaction}
    RETURNING migration_hash, migration_id
)
INSERT INTO {log} (id, migration_hash, migration_id, operation, username, hostname, comment, created_at_utc)
SELECT {entry}, migration_hash, migration_id, {operation}, left({username}, 255), left({hostname}, 255), left({comment}, 255),
       clock_timestamp() AT TIME ZONE 'UTC'
  FROM gone;
