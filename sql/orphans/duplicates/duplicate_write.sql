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
    cleaned bigint := (SELECT sum(n::bigint) FROM jsonb_array_elements_text(current_setting('sqlrail.written')::jsonb) AS rows(n));
BEGIN
{unchanged_rows}
END
$guard$;
