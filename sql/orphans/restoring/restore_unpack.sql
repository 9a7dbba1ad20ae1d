-- What a cleanup has archived as packs, a row each, as whoever restores it, looks at it or puts it right expects.
WITH pack AS (
    DELETE FROM sqlrail.archive WHERE run = {run} AND action LIKE '% packed' AND jsonb_typeof(cells) = 'array'
    RETURNING run, relation, source, split_part(action, ' packed', 1) AS action, cells
)
INSERT INTO sqlrail.archive (run, relation, source, action, cells)
SELECT run, relation, source, action, of_one::jsonb FROM pack, jsonb_array_elements_text(pack.cells) AS of_one;
