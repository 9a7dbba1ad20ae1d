-- All or nothing: with ON_ERROR_ROLLBACK psql puts each statement behind a savepoint, takes back the one that is refused, and
-- commits the others. No such transaction can: a row that came behind a savepoint is not taken away here, and refers to none.
{writes}
CREATE TEMP TABLE sqlrail_whole (
    one int PRIMARY KEY,
    two int CONSTRAINT "run this without ON_ERROR_ROLLBACK, and behind no savepoint" REFERENCES pg_temp.sqlrail_whole
        DEFERRABLE INITIALLY DEFERRED
) ON COMMIT DROP;
{ours}
INSERT INTO pg_temp.sqlrail_whole VALUES (1, 2);
DELETE FROM pg_temp.sqlrail_whole WHERE xmin::text = (pg_current_xact_id()::text::numeric % 4294967296)::text;
