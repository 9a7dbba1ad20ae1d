-- A record under its migration's new name; yoyo finds it by the hash of the name.
UPDATE {records} SET migration_hash = {hash}, migration_id = {id} WHERE migration_hash = {old_hash};
