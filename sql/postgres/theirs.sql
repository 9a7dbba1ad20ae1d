-- From here names lead to where they led before ours.sql: what follows is a file.
SELECT
 WHERE set_config('search_path', current_setting('sqlrail.search_path'), true) IS NULL;
