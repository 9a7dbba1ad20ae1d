-- Notes a batch, in its own transaction: it and its note are there, or neither.
UPDATE sqlrail.progress
   SET done = {done}, noted_at = clock_timestamp(), announced = {state} || jsonb_build_object(
           'wal', {wal}::bigint
               + coalesce(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint - {began_at}::bigint, 0))
 WHERE records_in = {records_in} AND migration_hash = {hash} AND operation = 'backfill'
RETURNING announced;
