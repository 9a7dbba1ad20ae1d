-- The same in a table that refers to itself, and whose orphans go: with them all rows below them, which would be orphans
-- then. A row has one parent, so it is reached once; one in a circle has a parent, and is not.
-- Level by level: by an index, or by one hash of the whole table. A merge would begin anew for each.
SET LOCAL enable_mergejoin = off;
{writes}
CREATE {staging} AS
WITH RECURSIVE gone AS (
    SELECT c.tableoid AS part, c.ctid AS tid, false AS is_below, {keys_staged}
      FROM {child} AS c
     WHERE {has_key}
       AND NOT EXISTS (SELECT FROM {parent} AS p WHERE {matches})
    UNION ALL
    SELECT c.tableoid, c.ctid, true, {keys_staged}
      FROM gone
      JOIN {child} AS c ON {below}
)
SELECT part, tid, is_below FROM gone;
CREATE INDEX ON pg_temp.sqlrail_orphan (tid, part);
{ours}
SET LOCAL enable_mergejoin TO DEFAULT;
ANALYZE pg_temp.sqlrail_orphan;
