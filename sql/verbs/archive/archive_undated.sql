-- Rows of runs that somebody has deleted, and behind which no other says how old they are.
SELECT a.run, sum({rows})::bigint FROM sqlrail.archive AS a
 WHERE NOT EXISTS (SELECT FROM sqlrail.run AS r WHERE r.id >= a.run)
   AND {own}
 GROUP BY 1 ORDER BY 1;
