-- The queries that pg_stat_statements has seen in this database, how often each was called, and whose text is hidden (null);
-- ours and yoyo's aside. Its view is the extension's own, whatever else has that name.
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
{limits}
SET LOCAL search_path = pg_catalog;
SELECT CASE WHEN s.query ~ '^<insufficient privilege>' THEN NULL ELSE s.query END AS text, sum(s.calls)::bigint
  FROM {view} AS s
 WHERE s.toplevel
   AND s.dbid = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
   AND s.query !~ '_yoyo_|sqlrail'
 GROUP BY 1
 ORDER BY 2 DESC, 1;
COMMIT;
