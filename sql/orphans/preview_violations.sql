-- A close look at rows that violate a constraint by themselves, and at all rows. Reads only. What is written here by hand
-- means the same along any search_path.
{reads}
WITH found AS MATERIALIZED (
    SELECT {row_columns}
      FROM {rows}
     WHERE {violates}
), sample AS (
    SELECT pg_catalog.jsonb_build_object('key', '{{}}'::pg_catalog.jsonb, 'row', {example}, 'rows', 1) AS shown
      FROM found ORDER BY {place} LIMIT 5
), total AS MATERIALIZED (
    SELECT pg_catalog.count(*) AS rows FROM {child}
)
SELECT total.rows, (SELECT pg_catalog.count(*) FROM found), true, 0, NULL, NULL,
       (SELECT pg_catalog.min(at)::pg_catalog.text FROM found), (SELECT pg_catalog.max(at)::pg_catalog.text FROM found),
       (SELECT coalesce(pg_catalog.jsonb_agg(shown), '[]'::pg_catalog.jsonb) FROM sample)
  FROM total;
{has_read}
