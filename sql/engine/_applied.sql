-- Whether a migration is recorded already; null where the one that it comes behind is recorded no longer.
(SELECT CASE WHEN pg_catalog.bool_or(migration_hash OPERATOR(pg_catalog.=) {hash}) THEN true
             WHEN {before} IS NULL OR pg_catalog.bool_or(migration_hash OPERATOR(pg_catalog.=) {before}) THEN false
        END
   FROM {records}
  WHERE migration_hash OPERATOR(pg_catalog.=) {hash} OR migration_hash OPERATOR(pg_catalog.=) {before})
