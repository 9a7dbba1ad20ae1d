-- The tables that keep what was run, and no file makes: yoyo's, and those of tools whose history `adopt` takes over, each told
-- by a column of its own.
SELECT b.oid
  FROM pg_catalog.pg_class AS b
 WHERE b.relname IN ('_yoyo_migration', '_yoyo_log', '_yoyo_version', 'yoyo_lock', 'schema_migrations', 'goose_db_version',
                     '_sqlx_migrations', 'flyway_schema_history', 'pgmigrations', '_prisma_migrations')
   AND (b.relname IN ('_yoyo_migration', '_yoyo_log', '_yoyo_version', 'yoyo_lock')
        OR EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                    WHERE a.attrelid = b.oid AND NOT a.attisdropped
                      AND b.relname || '.' || a.attname IN (
                          'schema_migrations.version', 'goose_db_version.version_id', '_sqlx_migrations.checksum',
                          'flyway_schema_history.installed_rank', 'pgmigrations.run_on', '_prisma_migrations.migration_name')))
