-- The same in a table that refers to itself (find_orphan_trees.sql): each orphan, and behind it all rows below it,
-- those of each level behind those that they refer to.
SET LOCAL enable_mergejoin = off;
{writes}
CREATE {staging} AS
WITH RECURSIVE gone AS (
    SELECT c.tableoid AS part, c.ctid AS tid, 1 AS level, row_number() OVER () AS root, {keys_staged}
      FROM {child} AS c
     WHERE {has_key}
       AND NOT EXISTS (SELECT FROM {parent} AS p WHERE {matches})
    UNION ALL
    SELECT c.tableoid, c.ctid, gone.level + 1, gone.root, {keys_staged}
      FROM gone
      JOIN {child} AS c ON {below}
)
SELECT part, tid, level > 1 AS is_below FROM gone ORDER BY root, level;
{ours}
SET LOCAL enable_mergejoin TO DEFAULT;
