-- The same where the key's word is SET NULL or SET DEFAULT: the rows stay, and the archive has them as they were, so that a
-- restore finds the value that was taken away. Both parts see what was there before either.
{writes}
WITH archived AS (
    INSERT INTO sqlrail.archive (run, relation, source, action, cells)
    SELECT current_setting('sqlrail.run')::bigint, {relation}, {source}, {action}, {cells}
      FROM {child} AS c
     WHERE {is_staged}
       AND {has_key}
       AND ({row}) NOT IN (SELECT {row} FROM {parent} AS p WHERE {matches})
    RETURNING action
), changed AS (
    UPDATE {child} AS c SET {changes}
     WHERE {is_staged}
       AND {has_key}
       AND ({row}) NOT IN (SELECT {row} FROM {parent} AS p WHERE {matches})
    RETURNING {has_key} AND ({row}) NOT IN (SELECT {row} FROM {parent} AS p WHERE {matches}) AS is_orphan
)
SELECT set_config('sqlrail.cleaned', (SELECT count(*) FROM changed)::text, true),
       set_config('sqlrail.archived', (SELECT count(*) FROM archived)::text, true),
       set_config('sqlrail.still', (SELECT count(*) FROM changed WHERE is_orphan)::text, true);
{ours}
DO $guard$
BEGIN
    IF current_setting('sqlrail.still') <> '0' THEN
        RAISE EXCEPTION '% rows would still have no parent: the default names none, or a trigger has changed it',
            current_setting('sqlrail.still')
            USING ERRCODE = 'SR001';
    END IF;
    -- A trigger that keeps a row as it is leaves it in the table and in the archive.
    IF current_setting('sqlrail.cleaned') <> current_setting('sqlrail.archived') THEN
        RAISE EXCEPTION '% of % orphans would stay as they are, because a trigger keeps them',
            current_setting('sqlrail.archived')::bigint - current_setting('sqlrail.cleaned')::bigint,
            current_setting('sqlrail.archived')
            USING ERRCODE = 'SR001';
    END IF;
END
$guard$;
