-- Of those found, the rows that still are so, locked until the end of the batch: nobody gives them another parent, or
-- another value, now, and no row that would go with them gets in. What others are writing at this moment is left alone.
-- What is written here by hand means the same along any search_path.
{reads}
CREATE TEMP TABLE sqlrail_orphan ON COMMIT DROP AS
SELECT {c}.tableoid AS part, {c}.ctid AS tid{and_staged}
  FROM {rows}
 WHERE {c}.ctid OPERATOR(pg_catalog.=) ANY (ARRAY(
           SELECT w.tid FROM {work} AS w
            WHERE w.ctid OPERATOR(pg_catalog.>) {after}::pg_catalog.tid AND w.ctid OPERATOR(pg_catalog.<=) {upto}::pg_catalog.tid))
   AND {c}.tableoid OPERATOR(pg_catalog.=) ANY (ARRAY(
           SELECT DISTINCT w.part FROM {work} AS w
            WHERE w.ctid OPERATOR(pg_catalog.>) {after}::pg_catalog.tid AND w.ctid OPERATOR(pg_catalog.<=) {upto}::pg_catalog.tid))
   AND {still_found}
   FOR UPDATE OF {c} SKIP LOCKED;
{has_read}
