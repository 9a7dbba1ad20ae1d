-- How far a backfill is.
SELECT announced
  FROM sqlrail.progress
 WHERE records_in = {records_in} AND migration_hash = {hash} AND operation = 'backfill';
