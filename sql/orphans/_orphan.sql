-- A row that names a parent which is not there: an anti-join, which spills to disk and runs in parallel, whatever work_mem
-- is. As a foreign key does, it leaves a row alone that has a null in any of the columns.
{has_key}
   AND NOT EXISTS (SELECT FROM {parent} AS p WHERE {matches})
