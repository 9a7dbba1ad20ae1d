-- A quick look, as count_orphans.sql, where rows lie on other nodes: what hangs on another part of the question cannot be
-- asked of them, so how many rows there are is another question, nodes_rows.sql.
WITH {and_lost}found AS MATERIALIZED (
    SELECT count(*) AS orphans
      FROM {child} AS c
     WHERE {violates}
), parents AS MATERIALIZED (
    SELECT 1 FROM {parent} LIMIT 1
)
SELECT NULL::bigint, found.orphans, EXISTS (SELECT FROM parents), {mixed}
  FROM found;
