-- What is committed, and was cut off before it had arrived on its node, arrives: a parent among it would be missed. A node
-- knows only of what it began itself, so each is asked, the coordinator as well: on a connection of its own, for COMMIT
-- PREPARED cannot run where a transaction is under way. One that does not answer may have a parent, too.
DO $recover$
DECLARE
    silent text;
BEGIN
    -- A node that has just begun to load the extension answers the second time.
    FOR look IN 1 .. 3 LOOP
        SELECT string_agg(format('%s:%s (%s)', nodename, nodeport, result), ', ') INTO silent
          FROM run_command_on_all_nodes('SELECT pg_catalog.recover_prepared_transactions()') AS answer
          JOIN pg_catalog.pg_dist_node USING (nodeid)
         WHERE NOT success;
        EXIT WHEN silent IS NULL;
    END LOOP;
    IF silent IS NOT NULL THEN
        RAISE EXCEPTION 'transactions in doubt cannot be settled on %', silent
            USING ERRCODE = 'SR001', HINT = 'A parent may be among them. Bring the node back, then run again.';
    END IF;
END
$recover$;
