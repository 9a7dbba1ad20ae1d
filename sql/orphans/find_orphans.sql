-- Finds the orphans by an anti-join: it spills to disk and runs in parallel, whatever work_mem is. As a foreign key
-- does, it leaves a row alone that has a null in any of the columns.
{writes}
CREATE {staging} AS
SELECT c.tableoid AS part, c.ctid AS tid
  FROM {child} AS c
 WHERE {has_key}
   AND NOT EXISTS (SELECT FROM {parent} AS p WHERE {matches});
{ours}
