-- How a prepared query would be run, whatever its values are: which tables it reads and writes, and with what.
EXPLAIN (VERBOSE, COSTS off, FORMAT json) EXECUTE {query}{values};
