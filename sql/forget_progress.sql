DELETE FROM sqlrail.progress WHERE migration_hash = {hash} AND operation = {operation};
