-- What is noted of a file that runs outside a transaction.
SELECT done, checksum, announced FROM sqlrail.progress WHERE migration_hash = {hash} AND operation = {operation}
