-- A quick look, as count_orphans.sql, where rows lie on other nodes: what hangs on another part of the question cannot be
-- asked of them, so all rows are counted, each node its own.
WITH {and_lost}found AS MATERIALIZED (
    SELECT count(*) AS orphans
      FROM {child} AS c
     WHERE {violates}
), total AS MATERIALIZED (
    SELECT count(*) AS rows, count(*) FILTER (WHERE {is_mixed}) AS mixed FROM {child} AS c
), parents AS MATERIALIZED (
    SELECT 1 FROM {parent} LIMIT 1
)
SELECT total.rows, found.orphans, EXISTS (SELECT FROM parents), total.mixed
  FROM found, total;
