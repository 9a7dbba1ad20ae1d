-- Whether a prepared query that only reads can be planned; what its plan is nobody asks.
EXPLAIN (COSTS off) EXECUTE {query}{values};
