-- A parent that is to be put back itself is not missing.
       AND NOT EXISTS (SELECT FROM {rows} AS p JOIN pg_temp.sqlrail_back AS o ON o.id = p.{id}
                        WHERE o.shape = {shape} AND NOT o.back AND o.why IS NULL AND {matches})
