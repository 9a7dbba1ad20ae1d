-- The record of a file goes; its log stays.
DELETE FROM {records} WHERE migration_hash = {hash};
