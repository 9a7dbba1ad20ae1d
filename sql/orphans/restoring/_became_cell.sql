-- What a cell of r's row became.
(SELECT s.became ->> {column} FROM pg_temp.sqlrail_back AS s WHERE s.id = r.{id})
