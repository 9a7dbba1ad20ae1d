-- Statements that a file prepared. Not DEALLOCATE ALL: a pooler has prepared statements of its own.
DO $deallocate$
DECLARE
    statement pg_catalog.text;
BEGIN
    FOR statement IN
        SELECT pg_catalog.format('DEALLOCATE %I', name) FROM pg_catalog.pg_prepared_statements WHERE from_sql
    LOOP
        EXECUTE statement;
    END LOOP;
END
$deallocate$;
