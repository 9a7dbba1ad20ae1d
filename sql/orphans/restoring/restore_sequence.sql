-- A sequence that is behind what was restored would give one of those numbers out again.
SELECT max(r.{column})::bigint, last_value
  FROM {rows} AS r
  JOIN pg_temp.sqlrail_back AS b ON b.id = r.{id} AND b.back
 CROSS JOIN {sequence} AS s
 GROUP BY last_value, is_called HAVING max(r.{column})::bigint >= last_value + is_called::int;
