-- Deletes for good what those runs archived. The runs stay as the log, and the purge is one of them.
WITH purged AS (
    DELETE FROM sqlrail.archive WHERE run = ANY ({runs}::bigint[]) AND {own} RETURNING run, {rows} AS rows
), run AS (
    INSERT INTO sqlrail.run (verb, actor, relations)
    SELECT 'purge', {actor}, jsonb_agg(jsonb_build_object('of', run, 'purged', rows) ORDER BY run)
      FROM (SELECT run, sum(rows)::bigint AS rows FROM purged GROUP BY 1) AS counted HAVING count(*) > 0
    RETURNING id
)
SELECT (SELECT id FROM run), run, sum(rows)::bigint FROM purged GROUP BY 2 ORDER BY 2;
