-- All in one statement, for foreign keys are looked at when it ends: no order of these writes would please them all. What is
-- deleted is deleted first, though: an update must not meet a duplicate that goes.
{writes}
WITH {parts}
SELECT set_config('sqlrail.written', pg_catalog.jsonb_build_array({counts})::text, true);
{ours}
DO $guard$
DECLARE
    told jsonb := current_setting('sqlrail.told');
    found bigint := (SELECT sum(n::bigint) FROM (SELECT jsonb_array_elements_text(told->'gone') UNION ALL SELECT jsonb_array_elements_text(told->'pointed')) AS rows(n));
    written bigint := (SELECT sum(n::bigint) FROM jsonb_array_elements_text(current_setting('sqlrail.written')::jsonb) AS rows(n));
BEGIN
    -- A trigger that keeps a row as it is leaves it in the table and in the archive.
    IF written <> found THEN
        RAISE EXCEPTION '% of % rows would stay as they are, because a trigger keeps them', found - written, found
            USING ERRCODE = 'SR001';
    END IF;
END
$guard$;
