-- A key that somebody else has by now: that row is not overwritten.
UPDATE pg_temp.sqlrail_back AS b SET why = {why}
  FROM {rows} AS r
 WHERE r.{id} = b.id AND b.shape = {shape} AND NOT b.back AND b.why IS NULL
   AND EXISTS (SELECT FROM {target} AS p WHERE {matches});
