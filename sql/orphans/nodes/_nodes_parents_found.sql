-- How many parents there are of the keys that were found.
WITH {all}
SELECT count(*) FROM {parent} AS p WHERE EXISTS (SELECT 1 FROM found AS o WHERE {has_parent})
