-- And back.
SELECT
 WHERE pg_catalog.set_config('search_path', pg_catalog.current_setting('sqlrail.search_path'), true) IS NULL;
{ours}
{not_exact}
{exact};
