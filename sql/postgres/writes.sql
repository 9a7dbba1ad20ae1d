-- For what a statement that writes rows sets off, triggers above all: names lead to where they led before ours.sql, and to
-- PostgreSQL's own first.
SELECT
 WHERE set_config('search_path', concat(
           CASE WHEN strpos(current_setting('sqlrail.search_path'), 'pg_catalog') > 1 THEN 'pg_catalog,' END,
           current_setting('sqlrail.search_path')), true) IS NULL;
