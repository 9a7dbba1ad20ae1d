-- How a prepared query that may write would be run, whatever its values are: which tables it writes, and with what.
EXPLAIN (VERBOSE, COSTS off, FORMAT json) EXECUTE {query}{values};
