-- Years of sync({ alter: true }) left a copy of the unique constraint for every start, and indexes by Sequelize's names.
-- From here on the names are the files' and the models' alike.
--
-- depends: 004_usage_analytics

DO $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT format('ALTER TABLE users DROP CONSTRAINT %I', conname) FROM pg_constraint
         WHERE conrelid = 'users'::regclass AND conname ~ '^users_email_key[0-9]+$'
        UNION ALL
        SELECT format('ALTER INDEX %I RENAME TO %I', indexname, indexname || '_idx') FROM pg_indexes
         WHERE schemaname = current_schema() AND indexname ~ '^[a-z_]+_(user_id|event_type|created_at|session_id)$'
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;
