-- The checkpoint of a backfill, if there is none yet: until the first batch nothing of it is done, and its text may change.
INSERT INTO sqlrail.progress (records_in, migration_hash, operation, migration_id, done, checksum)
VALUES ({records_in}, {hash}, 'backfill', {id}, 0, {checksum})
ON CONFLICT (records_in, migration_hash, operation) DO UPDATE
   SET checksum = excluded.checksum WHERE progress.announced IS NULL;
