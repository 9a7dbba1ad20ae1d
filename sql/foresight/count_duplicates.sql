-- How many rows of a live table would have to go for a key to be unique. Like the index itself it sorts, in as much memory; a
-- hash table of many small keys would spill. And how many keys have more than {limit} bytes, which an index may not take.
-- OFFSET keeps the parts from being computed again wherever they are named.
SELECT WHERE concat(set_config('work_mem', current_setting('maintenance_work_mem'), true),
                    set_config('enable_hashagg', {hashes}, true)) IS NULL;
SELECT coalesce(sum(same.rows - 1), 0)::bigint AS rows, count(*) FILTER (WHERE same.size > {limit}) AS too_long
  FROM (SELECT count(*) AS rows, max({size}) AS size
          FROM (SELECT {parts} FROM {rows} AS {alias} WHERE {condition} OFFSET 0) AS parted
         WHERE {filled} GROUP BY {names} HAVING count(*) > 1 OR max({size}) > {limit}) AS same;
