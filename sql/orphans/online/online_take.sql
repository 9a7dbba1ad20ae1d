-- Of those found, the rows that still are orphans, locked until the end of the batch: nobody gives them another parent
-- now, and no row that would go with them gets in. What others are writing at this moment is left alone.
{writes}
CREATE TEMP TABLE sqlrail_orphan ON COMMIT DROP AS
SELECT c.tableoid AS part, c.ctid AS tid, {columns_staged}
  FROM {child} AS c
 WHERE c.ctid = ANY (ARRAY(SELECT tid FROM {work} WHERE ctid > {after}::tid AND ctid <= {upto}::tid))
   AND c.tableoid = ANY (ARRAY(SELECT DISTINCT part FROM {work} WHERE ctid > {after}::tid AND ctid <= {upto}::tid))
   AND {has_key}
   AND ({row}) NOT IN (SELECT {row} FROM {parent} AS p WHERE {matches})
   FOR UPDATE OF c SKIP LOCKED;
{ours}
