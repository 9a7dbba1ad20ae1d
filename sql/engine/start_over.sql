-- A file that runs after every migrate begins anew; what was announced may still have left an index half-built.
UPDATE sqlrail.progress SET done = 0, checksum = '' WHERE records_in = {records_in} AND migration_hash = {hash} AND operation = {operation};
