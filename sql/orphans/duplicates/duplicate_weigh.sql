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
