-- Pending events of deferred keys would forbid the ALTER TABLE that follows (55006). ALL would stay for the rest of
-- the transaction, and the file that follows may count on its keys being deferred.
DO $deferred$
DECLARE
    every text;
    unmixed text;
BEGIN
    SELECT string_agg(name, ', ') FILTER (WHERE some_deferred),
           -- One of the name that cannot be deferred makes an error of deferring the others.
           string_agg(name, ', ') FILTER (WHERE all_deferred)
      INTO every, unmixed
      FROM (SELECT format('%I.%I', n.nspname, c.conname) AS name,
                   bool_or(c.condeferred) AS some_deferred, bool_and(c.condeferred) AS all_deferred
              FROM pg_catalog.pg_constraint AS c
              JOIN pg_catalog.pg_namespace AS n ON n.oid = c.connamespace
             WHERE has_schema_privilege(n.oid, 'USAGE') GROUP BY 1) AS named;
    IF every IS NOT NULL THEN
        every := concat('SET CONSTRAINTS ', every, ' IMMEDIATE');
        -- Triggers that were put off run here.
        EXECUTE $writes$
{writes}
$writes$;
        EXECUTE every;
        EXECUTE $ours$
{ours}
$ours$;
    END IF;
    IF unmixed IS NOT NULL THEN
        EXECUTE 'SET CONSTRAINTS ' || unmixed || ' DEFERRED';
    END IF;
END
$deferred$;
