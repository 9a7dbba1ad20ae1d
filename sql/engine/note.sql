-- Notes what is done. Until the end of this transaction as the role that the notes belong to: the file may have SET another.
-- Where the last note is not the one before, another runner has been here: a null is an error, and undoes the statement too.
SELECT pg_catalog.set_config('session_authorization', {user}, true), pg_catalog.set_config('role', {role}, true);
INSERT INTO sqlrail.progress (records_in, migration_hash, operation, migration_id, done, checksum)
VALUES ({records_in}, {hash}, {operation}, {id}, {done}, {checksum})
ON CONFLICT (records_in, migration_hash, operation) DO UPDATE
   SET done = CASE WHEN progress.done OPERATOR(pg_catalog.=) {before} THEN excluded.done END,
       checksum = excluded.checksum, announced = NULL, noted_at = pg_catalog.clock_timestamp();
