-- Of the rows in some of the child's pages, which each node picks among its own, how many are orphans; and
-- whether there is any parent. A key has one parent at the most, so no row is counted twice.
-- As archive_format.sql has it, to the end of the look: what is set for all nodes is sent on each connection to each of them.
SELECT set_config('row_security', 'off', true);
WITH sample AS MATERIALIZED (
    SELECT count(*) AS rows, count(*) FILTER (WHERE {has_key} AND {parent_is_missing}) AS orphans
      FROM {child} AS c TABLESAMPLE SYSTEM ({percent})
      LEFT JOIN {parent} AS p ON {matches}
), parents AS MATERIALIZED (
    SELECT 1 FROM {parent} LIMIT 1
)
SELECT sample.rows, sample.orphans, EXISTS (SELECT FROM parents)
  FROM sample;
