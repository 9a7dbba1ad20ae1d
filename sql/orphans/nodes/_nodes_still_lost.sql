-- How many of the rows that were set name no parent.
WITH child_key AS MATERIALIZED (
    SELECT {new_staged}, count(*) AS rows FROM pg_temp.sqlrail_gone AS c WHERE {has_new_key} GROUP BY {new_key}
), {lost}
SELECT coalesce(sum(rows), 0)::bigint FROM lost
