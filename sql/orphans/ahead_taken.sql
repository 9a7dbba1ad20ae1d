-- DELETE ... NOT IN of cleanup.sql, of what a look has placed and nobody else has in hand. Each row is locked and deleted in one go:
-- its page is read, and put into the WAL whole, once. What is there as the look saw it is deleted without another look for its
-- parent, for ahead_met.sql looks for those of all, by each key once.
{writes}
CREATE TEMP TABLE sqlrail_orphan ON COMMIT DROP AS
SELECT c.tableoid AS part, c.ctid AS tid{and_staged} FROM {child} AS c WITH NO DATA;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SET LOCAL enable_seqscan = off;
-- A bitmap of as many pages as there may be places.
SET LOCAL work_mem = '16MB';
WITH deleted AS (
    DELETE FROM {child} AS c
     USING (SELECT c.ctid AS tid FROM {child} AS c WHERE {is_placed} FOR UPDATE SKIP LOCKED) AS free
     WHERE c.ctid = free.tid
       AND {still_found}
    RETURNING c.tableoid AS part, c.ctid AS tid{and_staged}, {cells} AS cells
), staged AS (
    INSERT INTO pg_temp.sqlrail_orphan SELECT part, tid, {staged} FROM deleted
), archived AS (
    INSERT INTO sqlrail.archive (run, relation, source, action, cells)
    SELECT current_setting('sqlrail.run')::bigint, {relation}, {source}, {went_as}, cells FROM deleted
    RETURNING action
)
SELECT set_config('sqlrail.cleaned', (SELECT count(*) FROM deleted)::text, true),
       set_config('sqlrail.archived', (SELECT count(*) FROM archived)::text, true);
SET LOCAL enable_hashjoin TO DEFAULT;
SET LOCAL enable_mergejoin TO DEFAULT;
SET LOCAL enable_seqscan TO DEFAULT;
SET LOCAL work_mem TO DEFAULT;
-- Each key once, told apart by its text: the column's own = may take two for one that the parent's tells apart (citext).
CREATE TEMP TABLE {taken} ON COMMIT DROP AS
SELECT DISTINCT ON (ROW({staged})::text COLLATE "C") {staged} FROM pg_temp.sqlrail_orphan;
{ours}
-- The places at which rows are left: somebody had them in hand, or they are there no more.
SELECT coalesce(array_agg(place.tid), '{{}}')::text
  FROM (SELECT unnest({tids}) EXCEPT SELECT tid FROM pg_temp.sqlrail_orphan) AS place(tid)
 WHERE (SELECT count(*) FROM pg_temp.sqlrail_orphan) < {placed};
