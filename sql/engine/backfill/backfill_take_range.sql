-- The same where the statement asks for the range of the keys: their first and their last, in one row.
{writes}
CREATE TEMPORARY TABLE {batch} ON COMMIT DROP AS
WITH walked AS MATERIALIZED ({walk})
SELECT {ends}, counted.rows
  FROM (SELECT * FROM walked ORDER BY {keys} LIMIT 1) AS first
 CROSS JOIN (SELECT * FROM walked AS t ORDER BY {last} LIMIT 1) AS last
 CROSS JOIN (SELECT count(*) AS rows FROM walked) AS counted;
{seen}
{ours}
SELECT coalesce(sum(t.rows), 0)::bigint, min(ARRAY[{texts}]) FROM pg_temp.{batch} AS t;
