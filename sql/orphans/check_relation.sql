-- The guards that the catalog answers, and whether the tables still are what this script was written for.
SELECT set_config('sqlrail.written', {written}, true), set_config('sqlrail.facts', (
{query}
)::text, true);
DO $guard$
DECLARE
    facts jsonb := current_setting('sqlrail.facts');
    written jsonb := current_setting('sqlrail.written');
BEGIN
    IF facts->>'absent' IS NOT NULL THEN
        RAISE EXCEPTION '%', facts->>'absent' USING ERRCODE = 'SR001';
    END IF;
    IF facts->>'refusals' <> '[]' THEN
        RAISE EXCEPTION '%', (SELECT string_agg(refusal, '; ') FROM jsonb_array_elements_text(facts->'refusals') AS refusal)
            USING ERRCODE = 'SR001';
    END IF;
    IF EXISTS (SELECT FROM jsonb_each(written) AS fact WHERE facts->fact.key IS DISTINCT FROM fact.value) THEN
        RAISE EXCEPTION '% or what hangs on it was changed after this script was written', facts->'child'->>'name'
            USING ERRCODE = 'SR001', HINT = 'Write it again.';
    END IF;
END
$guard$;
