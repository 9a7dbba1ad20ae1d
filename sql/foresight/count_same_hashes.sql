-- Whether rows of a live table may be equal, or too long for an index: how many hashes of a key are there twice, or are null, as
-- that of a long one is. A number alone sorts faster than what it is made of. OFFSET keeps what is computed from being so again.
SELECT WHERE concat(set_config('work_mem', current_setting('maintenance_work_mem'), true),
                    set_config('enable_hashagg', 'off', true)) IS NULL;
SELECT count(*) AS same
  FROM (SELECT FROM (SELECT CASE WHEN {size} <= {limit} THEN {hashed} END AS hash
                       FROM (SELECT {parts} FROM {rows} AS {alias} WHERE {condition} OFFSET 0) AS parted
                      WHERE {filled} OFFSET 0) AS hashed
         GROUP BY hash HAVING count(*) > 1 OR hash IS NULL) AS same;
