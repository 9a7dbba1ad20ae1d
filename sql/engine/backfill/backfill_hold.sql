-- Each batch. Its checkpoint is locked until it commits: of two runners one takes a batch, and the other waits for it and
-- takes the next. No lock is waited for longer than a part of the batch's time.
SET LOCAL lock_timeout = {patience};
SELECT done, checksum, announced
  FROM sqlrail.progress
 WHERE records_in = {records_in} AND migration_hash = {hash} AND operation = 'backfill'
   FOR UPDATE;
