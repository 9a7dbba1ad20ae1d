-- Rows that a foreign key emptied: theirs again only if they are there, and hold what the cascade left.
UPDATE pg_temp.sqlrail_back AS b
   SET why = CASE WHEN t.n IS NULL THEN {gone} WHEN t.later THEN {waits} WHEN NOT t.untouched THEN {changed} ELSE {same} END
  FROM (SELECT r.{id} AS id, t.n, t.untouched, t.emptied,
               {later} AS later
          FROM {rows} AS r
          JOIN pg_temp.sqlrail_back AS o ON o.id = r.{id} AND o.shape = {shape} AND NOT o.back AND o.why IS NULL
          LEFT JOIN LATERAL (SELECT 1 AS n, {untouched} AS untouched, {emptied} AS emptied
                               FROM {target} AS p WHERE {matches}) AS t ON true) AS t
 WHERE t.id = b.id AND (t.n IS NULL OR NOT t.untouched OR NOT t.emptied OR t.later);
