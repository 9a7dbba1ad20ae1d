-- What is noted of a file that runs outside a transaction.
SELECT done, checksum, announced
  FROM sqlrail.progress
 WHERE records_in = {records_in} AND migration_hash = {hash} AND operation = {operation};
