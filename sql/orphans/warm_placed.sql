-- Goes to the rows that a look has placed before anything is locked: what is dear about writing to a page, reading it and putting
-- it into the WAL whole, as its first change after a checkpoint does, is done then while others write. Nothing is changed: each
-- thousand of rows is locked and let go again, and what somebody else has in hand is passed over, so nobody is waited for.
DO {quote}
DECLARE
    places tid[] := {tids};
BEGIN
    FOR n IN 1 .. cardinality(places) BY 1000 LOOP
        BEGIN
            PERFORM FROM {child} AS c WHERE c.ctid = ANY (ARRAY(SELECT unnest(places[n:n + 999])))
               FOR UPDATE SKIP LOCKED;
            RAISE EXCEPTION 'to let them go';
        EXCEPTION WHEN raise_exception THEN
        END;
    END LOOP;
END
{quote};
