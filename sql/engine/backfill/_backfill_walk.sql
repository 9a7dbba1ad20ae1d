-- The next rows behind a key, at the most so many, and none behind the last key of the pass.
SELECT {keys}
  FROM (SELECT {keys} FROM ({branches}) AS branch ORDER BY {keys} LIMIT {size}) AS t
 WHERE {within}
