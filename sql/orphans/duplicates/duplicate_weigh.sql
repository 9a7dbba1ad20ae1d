-- What was found, told and judged, before anything is done about it.
SELECT set_config('sqlrail.told', (
{told}
)::text, true);
DO $guard$
DECLARE
    told jsonb := current_setting('sqlrail.told');
BEGIN
    IF told->>'refusals' <> '[]' THEN
        RAISE EXCEPTION '%', (SELECT string_agg(refusal, '; ') FROM jsonb_array_elements_text(told->'refusals') AS refusal)
            USING ERRCODE = 'SR001';
    END IF;
END
$guard$;

-- The run, made once a transaction and only if there is something to do; its number stays in a local setting.
WITH run AS (
    INSERT INTO sqlrail.run (verb, migration_id, actor)
    SELECT {verb}, {migration}, {actor}
      FROM {gone}
     WHERE coalesce(current_setting('sqlrail.run', true), '') = ''
     LIMIT 1
    RETURNING id
)
SELECT set_config('sqlrail.run', id::text, true) FROM run;
