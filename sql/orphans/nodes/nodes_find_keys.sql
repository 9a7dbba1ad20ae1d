-- The same by their keys, each with its rows: a ctid means nothing on another node.
{recover}
{writes}
CREATE {staging} AS
SELECT {columns_staged}, count(*) AS rows
  FROM {child} AS c
 WHERE {violates}
 GROUP BY {columns};
{ours}
