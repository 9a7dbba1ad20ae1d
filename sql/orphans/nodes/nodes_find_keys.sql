-- The keys of the orphans that the nodes find, each among its own rows: these stay there until they are deleted. With a key
-- stands how many rows have it; a ctid means nothing on another node.
{recover}
{writes}
CREATE {staging} AS
SELECT {columns_staged}, count(*) AS rows
  FROM {child} AS c
 WHERE {violates}
 GROUP BY {columns};
{ours}
