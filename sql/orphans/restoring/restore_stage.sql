-- What the archive still holds of a run, parted into shapes: one relation, table and kind, and the same columns. What
-- keys of two actions have changed is of one kind: they may have changed the same row. Older archives do not say what a row
-- became, and have no column for it.
-- Deferred keys shall say at once which row they do not want. Under any other xmloption, fragments are no xml.
SET CONSTRAINTS ALL IMMEDIATE;
SET LOCAL xmloption = content;

{writes}
CREATE TEMP TABLE sqlrail_shape ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY min(id))::int AS shape, relation, source, kind, columns, count(*) AS rows, became,
       array_agg(DISTINCT action) AS actions
  FROM (SELECT id, relation, source, action, CASE WHEN action LIKE 'set %' THEN 'changed' ELSE action END AS kind,
               ARRAY(SELECT jsonb_object_keys(cells)) AS columns,
               ARRAY(SELECT jsonb_object_keys({became})) AS became
          FROM sqlrail.archive AS a
         WHERE run = {run} AND ({relation}::text IS NULL OR relation = {relation})) AS archived
 GROUP BY relation, source, kind, columns, became;

-- back: it is where it belongs; why: what keeps it from there, in this round; final: in every round.
CREATE TEMP TABLE sqlrail_back ON COMMIT DROP AS
SELECT a.id, s.shape, a.action, row_number() OVER (PARTITION BY s.shape ORDER BY a.id) AS n,
       false AS back, NULL::text AS why, false AS final, {became} AS became
  FROM sqlrail.archive AS a
  JOIN pg_temp.sqlrail_shape AS s
    ON s.relation = a.relation AND s.source = a.source
       AND s.kind = CASE WHEN a.action LIKE 'set %' THEN 'changed' ELSE a.action END
       AND s.columns OPERATOR(pg_catalog.=) ARRAY(SELECT jsonb_object_keys(a.cells))
       AND s.became OPERATOR(pg_catalog.=) ARRAY(SELECT jsonb_object_keys({became}))
 WHERE a.run = {run};
ALTER TABLE pg_temp.sqlrail_back ADD PRIMARY KEY (id);
CREATE INDEX ON pg_temp.sqlrail_back (shape, n);
{ours}
ANALYZE pg_temp.sqlrail_back;

SELECT shape, relation, source, kind, columns, rows, became, actions FROM pg_temp.sqlrail_shape ORDER BY shape;
