-- The way back from record.sql: the record gone, and a log entry with the checksum of what was run.
WITH gone AS (
    DELETE FROM {records} WHERE migration_hash OPERATOR(pg_catalog.=) {hash} AND pg_catalog.txid_current() OPERATOR(pg_catalog.=) {transaction}
    RETURNING migration_hash, migration_id
){rollback}
INSERT INTO {log} (id, migration_hash, migration_id, operation, username, hostname, comment, created_at_utc)
SELECT {entry}, migration_hash, migration_id, {operation}, pg_catalog.left({username}, 255),
       pg_catalog.left({hostname}, 255), pg_catalog.left({comment}, 255),
       pg_catalog.timezone('UTC', pg_catalog.clock_timestamp())
  FROM gone;
