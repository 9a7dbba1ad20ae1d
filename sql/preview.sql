-- How many orphans there are, and of how many rows. Reads only.
SELECT count(*) FILTER (WHERE c.{column} IS NOT NULL AND p.{key} IS NULL) AS orphans,
       count(*) AS rows,
       EXISTS (SELECT FROM {parent}) AS has_parents
  FROM {child} AS c
  LEFT JOIN {parent} AS p ON p.{key} = c.{column};
