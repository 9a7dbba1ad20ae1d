-- What is back leaves the archive in the same transaction.
WITH gone AS (
    DELETE FROM sqlrail.archive AS a USING pg_temp.sqlrail_back AS b WHERE b.id = a.id AND b.back RETURNING 1
), done AS (
    SELECT s.relation, count(*) FILTER (WHERE b.back) AS restored, count(*) FILTER (WHERE NOT b.back) AS "left"
      FROM pg_temp.sqlrail_back AS b JOIN pg_temp.sqlrail_shape AS s USING (shape)
     GROUP BY 1
), run AS (
    INSERT INTO sqlrail.run (verb, actor, relations)
    SELECT 'restore', {actor}, jsonb_agg(jsonb_build_object('of', {run}::bigint, 'relation', relation,
                                                            'restored', restored, 'left', "left") ORDER BY relation)
      FROM done HAVING sum(restored) > 0
    RETURNING id
)
SELECT (SELECT id FROM run), (SELECT count(*) FROM gone), (SELECT coalesce(sum(restored), 0) FROM done)::bigint;
