-- Whether a later run archived the same value of r's row, and is not put back.
EXISTS (SELECT FROM {its} AS q JOIN pg_temp.sqlrail_back AS o ON o.id = q.{id}
         WHERE o.shape = {other} AND NOT o.back AND NOT o.final AND o.id > r.{id} AND {is_same})
