-- Whether all that was found was cleaned.
DO $kept$
DECLARE
    found bigint := (SELECT orphans FROM pg_temp.sqlrail_limit);
    cleaned bigint := current_setting('sqlrail.cleaned');
BEGIN
{kept_rows}
END
$kept$;

-- What was done, into the run and out to whoever asked.
WITH done AS (
    SELECT l.relation, l.orphans, current_setting('sqlrail.cleaned')::bigint AS cleaned,
           current_setting('sqlrail.archived')::bigint
             + (SELECT count(*) FROM pg_temp.sqlrail_cascade) AS archived,
           nullif(current_setting('sqlrail.run', true), '')::bigint AS run
      FROM pg_temp.sqlrail_limit AS l
), entry AS (
    -- What earlier rounds have done for the relation counts with it.
    SELECT coalesce(earlier.place, jsonb_array_length(r.relations)) AS place,
           -- The parent with its schema: by another search_path the relation names another.
           jsonb_build_object('relation', done.relation, 'parent', {parent_name},
                              'orphans', done.orphans + coalesce((it->>'orphans')::bigint, 0),
                              'deleted', 0, {counter}, done.cleaned + coalesce((it->>{counter})::bigint, 0),
                              'archived', done.archived + coalesce((it->>'archived')::bigint, 0)) AS value
      FROM done
      JOIN sqlrail.run AS r ON r.id = done.run
      LEFT JOIN LATERAL (
           SELECT it, n - 1 AS place FROM jsonb_array_elements(r.relations) WITH ORDINALITY AS known(it, n)
            WHERE it->>'relation' = done.relation) AS earlier ON true
), noted AS (
    UPDATE sqlrail.run AS r SET relations = jsonb_set(r.relations, ARRAY[place::text], value)
      FROM done, entry WHERE r.id = done.run AND done.orphans > 0
)
SELECT run, orphans, cleaned, archived FROM done;
{writes}
DROP TABLE pg_temp.sqlrail_orphan;
{ours}
