-- What is committed, and was cut off before it had arrived on its node, arrives: a parent among it would be missed, and rows
-- that a batch has changed. What was prepared and is not committed is undone, and its locks go: both at once. A node
-- knows only of what it began itself, so each is asked, the coordinator as well: on a connection of its own, for COMMIT
-- PREPARED cannot run where a transaction is under way. That takes connections from each to all others, so they are asked
-- first whether anything is prepared anywhere. One that does not answer may have some of it, too.
DO $recover$
DECLARE
    question text;
    silent text;
    prepared boolean;
BEGIN
    FOREACH question IN ARRAY ARRAY[
        'SELECT count(*) FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database()',
        'SELECT pg_catalog.recover_prepared_transactions()'] LOOP
        -- A node that has just begun to load the extension answers the second time.
        FOR look IN 1 .. 3 LOOP
            SELECT string_agg(format('%s:%s (%s)', nodename, nodeport, result), ', ') FILTER (WHERE NOT success),
                   bool_or(result <> '0') INTO silent, prepared
              FROM run_command_on_all_nodes(question) AS answer
              JOIN pg_catalog.pg_dist_node USING (nodeid);
            EXIT WHEN silent IS NULL;
        END LOOP;
        IF silent IS NOT NULL THEN
            RAISE EXCEPTION 'transactions in doubt cannot be settled on %', silent
                USING ERRCODE = 'SR001', HINT = 'Rows that this is about may be among them. Bring the node back, then run again.';
        END IF;
        EXIT WHEN NOT prepared;
    END LOOP;
END
$recover$;
