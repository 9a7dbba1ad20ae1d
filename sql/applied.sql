EXISTS (SELECT FROM {records} WHERE migration_hash = {hash})
