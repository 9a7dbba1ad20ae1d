-- Whether a migration is recorded already; null where the one that it comes behind is recorded no longer.
(SELECT CASE WHEN EXISTS (SELECT FROM {records} WHERE migration_hash OPERATOR(pg_catalog.=) {hash}) THEN true
             WHEN {before} IS NULL
                  OR EXISTS (SELECT FROM {records} WHERE migration_hash OPERATOR(pg_catalog.=) {before}) THEN false
        END)
