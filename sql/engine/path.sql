-- Where names led before ours.sql.
SELECT current_setting('sqlrail.search_path');
