-- How many rows of a live table would have to go for a key to be unique. Like the index itself it sorts, in as much memory; a
-- hash table of many small keys would spill.
SELECT WHERE concat(set_config('work_mem', current_setting('maintenance_work_mem'), true),
                    set_config('enable_hashagg', {hashes}, true)) IS NULL;
SELECT coalesce(sum(same.rows - 1), 0)::bigint AS rows
  FROM (SELECT count(*) AS rows FROM {rows} AS {alias} WHERE {condition} GROUP BY {parts} HAVING count(*) > 1) AS same;
