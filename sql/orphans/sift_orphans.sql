-- A look at one relation of many: its rows, those without a key and those with half of one, and whether there is any orphan,
-- which tells where to look closely. Reads only.
SELECT count(*), count(*) FILTER (WHERE NOT ({has_key})), EXISTS (SELECT FROM {parent}),
       EXISTS (SELECT FROM {child} AS c
                WHERE {violates}),
       count(*) FILTER (WHERE {is_mixed})
  FROM {child} AS c;
