-- Whether a migration is recorded already; null where the one that it comes behind is recorded no longer.
(SELECT CASE WHEN EXISTS (SELECT FROM {records} WHERE migration_hash = {hash}) THEN true
             WHEN {before} IS NULL OR EXISTS (SELECT FROM {records} WHERE migration_hash = {before}) THEN false
        END)
