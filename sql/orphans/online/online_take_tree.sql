-- The same where rows below an orphan go with it. All are locked first; those go that still are below one without a parent.
{writes}
CREATE TEMP TABLE sqlrail_orphan ON COMMIT DROP AS
SELECT c.tableoid AS part, c.ctid AS tid, {columns_staged}, {own_staged}
  FROM {child} AS c
 WHERE c.ctid = ANY (ARRAY(SELECT tid FROM {work} WHERE ctid > {after}::tid AND ctid <= {upto}::tid))
   AND c.tableoid = ANY (ARRAY(SELECT DISTINCT part FROM {work} WHERE ctid > {after}::tid AND ctid <= {upto}::tid))
   AND {has_key}
   FOR UPDATE OF c SKIP LOCKED;
CREATE INDEX ON pg_temp.sqlrail_orphan (tid, part);
{ours}
SET LOCAL enable_mergejoin = off;
WITH RECURSIVE gone AS (
    SELECT o.part, o.tid, {own}
      FROM pg_temp.sqlrail_orphan AS o
     WHERE NOT EXISTS (SELECT FROM {parent} AS p WHERE {has_parent})
    UNION ALL
    SELECT o.part, o.tid, {own}
      FROM gone
      JOIN pg_temp.sqlrail_orphan AS o ON {below_staged}
)
DELETE FROM pg_temp.sqlrail_orphan AS o WHERE (o.part, o.tid) NOT IN (SELECT part, tid FROM gone);
SET LOCAL enable_mergejoin TO DEFAULT;
