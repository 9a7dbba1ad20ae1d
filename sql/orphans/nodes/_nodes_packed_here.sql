-- The rows that were handed over as they are, as packs.
SELECT array_agg(one.cells) AS cells
  FROM (SELECT {cells_as_text} AS cells, random() AS at FROM pg_temp.sqlrail_gone AS c) AS one
 GROUP BY {pack}
