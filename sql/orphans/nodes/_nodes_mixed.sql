-- The rows with a null in some of the columns and not in all.
(SELECT count(*) FROM {child} AS c WHERE {is_mixed})
