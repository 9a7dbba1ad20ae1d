-- The same where the child's rows lie on other nodes: a ctid means nothing there, and keys are sent to them.
{writes}
CREATE {staging} AS
SELECT {columns_staged}, count(*) AS rows
  FROM {child} AS c
 WHERE {has_key}
   AND NOT EXISTS (SELECT FROM {parent} AS p WHERE {matches})
 GROUP BY {columns};
{ours}
