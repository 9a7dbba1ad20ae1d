DELETE FROM {records} WHERE migration_hash = {hash};
