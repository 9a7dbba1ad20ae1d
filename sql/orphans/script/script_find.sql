-- Under the locks: where what the look has noted stands, no more than that and what has come since is looked up; else all of it
-- is looked for again.
DO {quote}
DECLARE
    noted {noted}%ROWTYPE;
    newest bigint;
    since xid[];
BEGIN
    SELECT * INTO noted FROM {noted};
    -- Others under their names are others.
    IF noted.tables = {tables} THEN
        EXECUTE {inner}
{stands}
{inner} INTO noted.stands, noted.has_all_parents, newest USING noted.oldest, noted.parents, noted.file;
        UPDATE {noted} SET stands = noted.stands, has_all_parents = noted.has_all_parents;
        since := CASE WHEN newest - noted.oldest::bigint <= {listed} THEN
                     ARRAY(SELECT (n % 4294967296)::text::xid FROM generate_series(noted.oldest::bigint, newest - 1) AS n) END;
    END IF;
    IF noted.stands THEN
        EXECUTE {inner}
{placed}
{inner} USING noted.places, noted.has_all_parents, noted.oldest, since;
    ELSE
        EXECUTE {inner}
{anew}
{inner};
    END IF;
END
{quote};
