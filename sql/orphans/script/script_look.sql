-- A big table's orphans are looked for before anything is locked: it takes seconds, in which nobody is kept waiting. What the
-- look has noted, and under the locks whether that stands; nothing where it is not worth it, or may not hold.
{writes}
CREATE TEMP TABLE {noted} (
    tables oid[], places text, oldest text, parents bigint, file bigint, stands boolean, has_all_parents boolean
) ON COMMIT DROP;
{ours}
DO {quote}
DECLARE
    rows bigint;
    orphans bigint;
    has_parents boolean;
    mixed bigint;
    said json;
    noted {noted}%ROWTYPE;
BEGIN
    -- What fails gives back the locks of what was read, and the variables stay: whoever waits for a lock while it holds
    -- another may run into a deadlock.
    BEGIN
        EXECUTE {inner}
{look}
{inner} INTO rows, orphans, has_parents, mixed, said;
        noted := json_populate_record(NULL::{noted}, said);
        noted.tables := {tables};
        RAISE EXCEPTION 'to let the tables go';
    EXCEPTION WHEN raise_exception THEN
    END;
    IF said IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO {noted} SELECT noted.*;
    -- What keeps it from this is nothing: it is done under the locks then.
    BEGIN
        EXECUTE {inner}
{warm}
{inner};
    EXCEPTION WHEN others THEN
    END;
END
{quote};
