-- How the statement that follows would be run.
EXPLAIN (VERBOSE, FORMAT JSON)
