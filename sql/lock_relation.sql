-- Locks the relation's tables as ADD FOREIGN KEY would, and every table that a delete would cascade into: from
-- here to the commit no parent comes or goes and no child is written. At READ COMMITTED without these locks a
-- row whose parent commits between our look and our commit would be deleted all the same.
DO $lock$
DECLARE
    child regclass := to_regclass({child});
    parent regclass := to_regclass({parent});
    target regclass;
BEGIN
    IF child IS NULL OR parent IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format('LOCK TABLE %s, %s IN SHARE ROW EXCLUSIVE MODE', child, parent);
    FOR target IN
        WITH RECURSIVE reached(oid) AS (
            SELECT child::oid
            UNION
            SELECT fk.conrelid
              FROM reached
              JOIN pg_catalog.pg_constraint AS fk ON fk.confrelid = reached.oid
             WHERE fk.contype = 'f' AND fk.confdeltype IN ('c', 'n', 'd')
        )
        SELECT oid FROM reached WHERE oid <> child
    LOOP
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', target);
    END LOOP;
END
$lock$;
