-- yoyo's record and its log entry in one statement, with what takes it back. The log's unused comment column holds the checksum of what was run.
-- Times are UTC, as yoyo keeps them. The scanner refuses transaction control beforehand; should one slip through, this
-- is another transaction than the one that the file began in, and nothing is recorded.
WITH record AS (
    INSERT INTO {records} (migration_hash, migration_id, applied_at_utc)
    SELECT {hash}, {id}, pg_catalog.timezone('UTC', pg_catalog.clock_timestamp())
     WHERE pg_catalog.txid_current() OPERATOR(pg_catalog.=) {transaction}
    RETURNING migration_hash, migration_id, applied_at_utc
){rollback}
INSERT INTO {log} (id, migration_hash, migration_id, operation, username, hostname, comment, created_at_utc)
SELECT {entry}, migration_hash, migration_id, {operation}, pg_catalog.left({username}, 255),
       pg_catalog.left({hostname}, 255), pg_catalog.left({comment}, 255), applied_at_utc
  FROM record;
