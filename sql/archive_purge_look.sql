-- The runs that are older than so many seconds and have rows in the archive.
SELECT r.id, count(*)
  FROM sqlrail.run AS r
  JOIN sqlrail.archive AS a ON a.run = r.id
 WHERE r.started_at < clock_timestamp() - make_interval(secs => {seconds})
 GROUP BY 1 ORDER BY 1;
