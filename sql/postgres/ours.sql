-- From here to the end of the transaction names lead to PostgreSQL's own alone: what somebody has put into a schema of the
-- search_path, an operator say that fits better, is never run for us. Said twice it changes nothing. It returns no row.
-- Where names led before is kept for theirs.sql and _named.sql. Nobody else writes pg_temp twice.
{lead}SELECT
 WHERE pg_catalog.concat(
           CASE WHEN pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.<>) 'pg_catalog,pg_temp,pg_temp'
                 -- what writes.sql has set
                 AND pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.<>) pg_catalog.concat(
                         'pg_catalog,', pg_catalog.current_setting('sqlrail.search_path', true)) THEN
               pg_catalog.concat(
                   pg_catalog.set_config('sqlrail.search_path', pg_catalog.current_setting('search_path'), true),
                   pg_catalog.set_config('sqlrail.schemas', pg_catalog.current_schemas(false)::pg_catalog.text, true))
           END,
           pg_catalog.set_config('search_path', 'pg_catalog,pg_temp,pg_temp', true)) IS NULL;
