-- The run, made once a transaction and only if something was found; its number stays in a local setting.
WITH run AS (
    INSERT INTO sqlrail.run (verb, migration_id, actor)
    SELECT {verb}, {migration}, {actor}
      FROM {found_in}
     WHERE coalesce(current_setting('sqlrail.run', true), '') = ''
     LIMIT 1
    RETURNING id
)
SELECT set_config('sqlrail.run', id::text, true) FROM run;
