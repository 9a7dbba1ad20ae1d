-- A quick look at a relation: the same anti-join as the finding's. Reads only, and where the orphans are many counts no
-- more rows than tell whether they are too many.
WITH found AS MATERIALIZED (
    SELECT count(*) AS orphans
      FROM {child} AS c
     WHERE {violates}
)
SELECT CASE WHEN orphans > {max_rows} THEN
           (SELECT count(*) FROM (SELECT FROM {child}
              LIMIT least(ceil(orphans / nullif({max_share}::float8, 0)) + 1, 1e18)) AS enough) END,
       orphans, EXISTS (SELECT FROM {parent}), (SELECT count(*) FROM {child} AS c WHERE {is_mixed})
  FROM found;
