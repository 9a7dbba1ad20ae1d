-- Records that say of no file that it ran.
DELETE FROM {records} WHERE migration_id IS NULL;
