-- A trigger may have kept rows, without an error: the key that follows would fail.
DO $kept$
DECLARE
    found bigint := (SELECT orphans FROM pg_temp.sqlrail_limit);
    deleted bigint := current_setting('sqlrail.deleted');
BEGIN
    IF deleted <> found THEN
        RAISE EXCEPTION '% of % orphans would stay, because a trigger keeps them', found - deleted, found
            USING ERRCODE = 'SR001';
    END IF;
END
$kept$;

-- What was done, into the run and out to whoever asked.
WITH done AS (
    SELECT l.relation, l.orphans, current_setting('sqlrail.deleted')::bigint AS deleted,
           current_setting('sqlrail.archived')::bigint
             + (SELECT count(*) FROM pg_temp.sqlrail_cascade) AS archived,
           nullif(current_setting('sqlrail.run', true), '')::bigint AS run
      FROM pg_temp.sqlrail_limit AS l
), noted AS (
    UPDATE sqlrail.run AS r SET relations = r.relations || jsonb_build_array(to_jsonb(done) - 'run')
      FROM done WHERE r.id = done.run AND done.orphans > 0
)
SELECT run, orphans, deleted, archived FROM done;
DROP TABLE pg_temp.sqlrail_orphan, pg_temp.sqlrail_limit, pg_temp.sqlrail_cascade;
