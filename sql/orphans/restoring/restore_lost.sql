-- How many rows hold a value in a column that is no more.
SELECT name, count(*)
  FROM pg_temp.sqlrail_back AS b
  JOIN sqlrail.archive AS a USING (id)
 CROSS JOIN unnest({columns}::text[]) AS name
 WHERE b.shape = {shape} AND a.cells->>name IS NOT NULL
 GROUP BY 1 ORDER BY 1;
