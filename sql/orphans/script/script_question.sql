-- A question to the catalog, kept as a setting, for it is asked twice. Returns no row.
SELECT
 WHERE set_config({question}, {quote}
{text}
{quote}, true) IS NULL;
