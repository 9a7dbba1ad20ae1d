-- What killed runs have left: the tables of children that no other run is at work on. Ours alone are locked already.
SELECT set_config('sqlrail.key', ({online}::bigint << 32)::text, true),
       set_config('sqlrail.children', {children}::text[]::text, true);
DO $leftovers$
DECLARE
    leftover record;
BEGIN
    FOR leftover IN
        SELECT c.oid::regclass AS work, substring(c.relname from '\d+')::bigint AS child
          FROM pg_catalog.pg_class AS c
         WHERE c.relnamespace = to_regnamespace('sqlrail') AND c.relname ~ '^online_\d+_' AND c.relkind = 'r'
           AND pg_has_role(c.relowner, 'USAGE')
    LOOP
        IF leftover.child IN (SELECT name::regclass::oid::bigint
                                FROM unnest(current_setting('sqlrail.children')::text[]) AS name)
           OR pg_try_advisory_xact_lock(current_setting('sqlrail.key')::bigint | leftover.child)
        THEN
            EXECUTE $writes$
{writes}
$writes$;
            EXECUTE pg_catalog.format('DROP TABLE %s', leftover.work);
            EXECUTE $ours$
{ours}
$ours$;
        END IF;
    END LOOP;
END
$leftovers$;
