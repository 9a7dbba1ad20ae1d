-- The same of rows in many shards, all up to a key: no shard hands over more than two keys, and how many it has.
{writes}
CREATE TEMPORARY TABLE {batch} ON COMMIT DROP AS
SELECT {ends}, counted.rows
  FROM (SELECT {keys} FROM {table} AS t WHERE {behind} AND {within} ORDER BY {keys} LIMIT 1) AS first
 CROSS JOIN (SELECT {keys} FROM {table} AS t WHERE {behind} AND {within} ORDER BY {last} LIMIT 1) AS last
 CROSS JOIN (SELECT count(*) AS rows FROM {table} AS t WHERE {behind} AND {within}) AS counted;
{seen}
{ours}
SELECT coalesce(sum(t.rows), 0)::bigint, min(ARRAY[{texts}]) FROM pg_temp.{batch} AS t;
