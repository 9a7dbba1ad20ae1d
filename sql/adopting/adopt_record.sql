-- A record of what another tool has run, with the time that its history has, else this one's; the log holds the checksum of
-- our file.
WITH record AS (
    INSERT INTO {records} (migration_hash, migration_id, applied_at_utc)
    SELECT {hash}, {id}, coalesce({applied_at}::timestamp, timezone('UTC', clock_timestamp()))
    RETURNING migration_hash, migration_id
)
INSERT INTO {log} (id, migration_hash, migration_id, operation, username, hostname, comment, created_at_utc)
SELECT {entry}, migration_hash, migration_id, 'mark', left({username}, 255), left({hostname}, 255), {checksum},
       timezone('UTC', clock_timestamp())
  FROM record;
