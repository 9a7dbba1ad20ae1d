-- What was done, into the run and out to whoever asked. What earlier rounds have done for the table counts with it.
WITH done AS (
    SELECT told, nullif(current_setting('sqlrail.run', true), '')::bigint AS run,
           (SELECT sum(n::bigint) FROM jsonb_array_elements_text(told->'gone') AS rows(n)) AS deleted,
           (SELECT coalesce(sum(n::bigint), 0) FROM jsonb_array_elements_text(told->'pointed') AS rows(n)) AS changed,
           (told->'gone'->>0)::bigint AS duplicates
      FROM (SELECT current_setting('sqlrail.told')::jsonb AS told) AS it
), entry AS (
    SELECT coalesce(earlier.place, jsonb_array_length(r.relations)) AS place,
           jsonb_build_object('relation', {relation}::text, 'parent', NULL,
                              'orphans', done.duplicates + coalesce((it->>'orphans')::bigint, 0),
                              'deleted', done.deleted + coalesce((it->>'deleted')::bigint, 0),
                              'changed', done.changed + coalesce((it->>'changed')::bigint, 0),
                              'archived', done.deleted + done.changed + coalesce((it->>'archived')::bigint, 0)) AS value
      FROM done
      JOIN sqlrail.run AS r ON r.id = done.run
      LEFT JOIN LATERAL (
           SELECT it, n - 1 AS place FROM jsonb_array_elements(r.relations) WITH ORDINALITY AS known(it, n)
            WHERE it->>'relation' = {relation}) AS earlier ON true
), noted AS (
    UPDATE sqlrail.run AS r SET relations = jsonb_set(r.relations, ARRAY[place::text], value)
      FROM done, entry WHERE r.id = done.run AND done.duplicates > 0
)
SELECT run, told, set_config('sqlrail.cleaned', duplicates::text, true) FROM done;
{writes}
DROP TABLE {tables};
{ours}
