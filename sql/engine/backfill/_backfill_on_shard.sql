-- What a shard is asked for its milestones, in a session of its own: every so-manieth of its next keys.
SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_array({texts})), '[]')
  FROM (SELECT {keys}, pg_catalog.row_number() OVER (ORDER BY {keys}) AS sqlrail_number
          FROM ({branches}) AS branch ORDER BY {keys} LIMIT {size}) AS t
 WHERE pg_catalog.mod(sqlrail_number, {each}) = 0
