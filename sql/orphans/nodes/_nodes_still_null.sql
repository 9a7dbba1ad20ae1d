-- How many of the rows that were set have no value.
SELECT count(*) FROM pg_temp.sqlrail_gone AS c WHERE {new_key} IS NULL
