-- Deleted rows may have been parents of rows that have had their turn: again, until nothing is left to delete.
DO {quote}
BEGIN
    FOR turn IN 1 .. 2000000000 LOOP
        PERFORM set_config('sqlrail.turn', turn::text, true), set_config('sqlrail.found', '0', true);
{rounds}
        EXIT WHEN current_setting('sqlrail.found') = '0';
    END LOOP;
END
{quote};
