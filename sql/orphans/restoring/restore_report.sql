-- What became of a shape's rows: how many are back, and of those that are not the reason and the keys of a few.
SELECT b.back, b.action, b.why, count(*),
       (array_agg((SELECT jsonb_object_agg(name, a.cells->name) FROM unnest({columns}::text[]) AS name
                    WHERE a.cells ? name) ORDER BY b.id) FILTER (WHERE b.sample <= {samples} AND NOT b.back))
  FROM (SELECT *, row_number() OVER (PARTITION BY back, action, why ORDER BY id) AS sample
          FROM pg_temp.sqlrail_back WHERE shape = {shape}) AS b
  LEFT JOIN sqlrail.archive AS a ON a.id = b.id AND b.sample <= {samples}
 GROUP BY 1, 2, 3 ORDER BY 1 DESC, 4 DESC, 3, 2;
