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
DROP VIEW pg_temp.sqlrail_gone;
DROP TABLE pg_temp.sqlrail_orphan, pg_temp.sqlrail_limit, pg_temp.sqlrail_cascade;
