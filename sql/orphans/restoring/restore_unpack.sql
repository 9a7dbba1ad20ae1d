-- What a cleanup has archived as packs, a row each, as whoever restores it, looks at it or puts it right expects. One that
-- somebody has spoilt, of a relation that is not restored now, stays: nothing would come out of it.
WITH pack AS (
    DELETE FROM sqlrail.archive WHERE run = {run} AND action LIKE '% packed' AND {is_pack}
    RETURNING id, run, relation, source, split_part(action, ' packed', 1) AS action, cells -> 0 AS columns
)
INSERT INTO sqlrail.archive (run, relation, source, action, cells)
SELECT pack.run, pack.relation, pack.source, pack.action, jsonb_object_agg(of_column.name, cell.text)
  FROM pack, jsonb_each(pack.columns) AS of_column(name, texts),
       jsonb_array_elements(of_column.texts) WITH ORDINALITY AS cell(text, n)
 GROUP BY pack.id, pack.run, pack.relation, pack.source, pack.action, cell.n;
