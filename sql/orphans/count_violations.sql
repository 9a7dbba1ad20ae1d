-- A quick look at rows that violate a constraint by themselves. Reads only, and where they are many counts no more rows than
-- tell whether they are too many. What is written here by hand means the same along any search_path.
{reads}
WITH found AS MATERIALIZED (
    SELECT pg_catalog.count(*) AS rows
      FROM {rows}
     WHERE {violates}
)
SELECT CASE WHEN found.rows OPERATOR(pg_catalog.>) {max_rows}::pg_catalog.int8 THEN
           (SELECT pg_catalog.count(*) FROM (SELECT FROM {child}
              LIMIT least(pg_catalog.ceil(found.rows::pg_catalog.float8
                              OPERATOR(pg_catalog./) nullif({max_share}::pg_catalog.float8, 0))
                          OPERATOR(pg_catalog.+) 1::pg_catalog.float8, 1e18::pg_catalog.float8)) AS enough) END,
       found.rows, true, 0
  FROM found;
{has_read}
