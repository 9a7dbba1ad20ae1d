-- The notes of a half-done rollback, with the record that moves to a new name.
UPDATE sqlrail.progress SET migration_hash = {hash}, migration_id = {id}
 WHERE records_in = {records_in} AND migration_hash = {old_hash};
