-- A quick look at rows that violate a constraint by themselves; all rows are counted only where it matters. Reads only. What
-- is written here by hand means the same along any search_path.
{reads}
WITH found AS MATERIALIZED (
    SELECT pg_catalog.count(*) AS rows
      FROM {rows}
     WHERE {violates}
)
SELECT CASE WHEN found.rows OPERATOR(pg_catalog.>) {max_rows}::pg_catalog.int8
            THEN (SELECT pg_catalog.count(*) FROM {child}) END,
       found.rows, true, 0
  FROM found;
{has_read}
