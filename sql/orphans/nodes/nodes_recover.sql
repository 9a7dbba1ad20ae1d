-- What is committed, and was cut off before it had arrived on its node, arrives: a parent among it would be missed. A node
-- knows only of what it began itself, so each is asked; one that does not answer may have a parent, too.
DO $recover$
DECLARE
    silent text;
BEGIN
    PERFORM recover_prepared_transactions();
    -- A node that has just begun to load the extension answers the second time.
    FOR look IN 1 .. 3 LOOP
        SELECT string_agg(format('%s:%s (%s)', n.nodename, n.nodeport, n.result), ', ') INTO silent
          FROM run_command_on_workers('SELECT pg_catalog.recover_prepared_transactions()') AS n
         WHERE NOT n.success;
        EXIT WHEN silent IS NULL;
    END LOOP;
    IF silent IS NOT NULL THEN
        RAISE EXCEPTION 'transactions in doubt cannot be settled on %', silent
            USING ERRCODE = 'SR001', HINT = 'A parent may be among them. Bring the node back, then run again.';
    END IF;
END
$recover$;
