-- The same where columns are set: the rows stay, and the archive has them as they were, so that a restore finds the value
-- that was taken away. All parts see what was there before any of them.
{writes}
WITH changed AS (
    UPDATE {child} AS c SET {changes}
     WHERE {is_staged}
       AND {still}
    RETURNING {still} AS is_unmended, {became} AS became
), archived AS (
    INSERT INTO sqlrail.archive (run, relation, source, action, cells{and_became})
    SELECT current_setting('sqlrail.run')::bigint, {relation}, {source}, {action}, {cells}{and_what_became}
      FROM {child} AS c
     WHERE {is_staged}
       AND {still}
    RETURNING action
)
SELECT set_config('sqlrail.cleaned', (SELECT count(*) FROM changed)::text, true),
       set_config('sqlrail.archived', (SELECT count(*) FROM archived)::text, true),
       set_config('sqlrail.still', (SELECT count(*) FROM changed WHERE is_unmended)::text, true),
       set_config('sqlrail.values', (SELECT count(DISTINCT became) FROM changed)::text, true),
       set_config('sqlrail.unmended', {unmended}, true);
{ours}
DO $guard$
DECLARE
    found bigint := current_setting('sqlrail.archived');
    cleaned bigint := current_setting('sqlrail.cleaned');
BEGIN
{unmended_rows}
    IF current_setting('sqlrail.values')::bigint > 1 THEN
        RAISE EXCEPTION 'a trigger gives the rows other values than was said, and a restore would not find them'
            USING ERRCODE = 'SR001';
    END IF;
{unchanged_rows}
END
$guard$;
