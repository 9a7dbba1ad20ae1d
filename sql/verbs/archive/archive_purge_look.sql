-- The runs that are older than so many seconds and have rows in the archive. A run that somebody has deleted is older
-- than the next one.
SELECT kept.run, kept.rows
  FROM (SELECT run, sum({rows})::bigint AS rows FROM sqlrail.archive WHERE {own} GROUP BY 1) AS kept
 WHERE coalesce((SELECT started_at FROM sqlrail.run AS r WHERE r.id = kept.run),
                (SELECT started_at FROM sqlrail.run AS r WHERE r.id > kept.run ORDER BY r.id LIMIT 1),
                transaction_timestamp()) < clock_timestamp() - make_interval(secs => {seconds})
 ORDER BY 1;
