-- Questions to the catalog are short and estimated to be long: compiling one takes seconds, with the tables locked. Each
-- looks up what it wants by an index; the planner, which expects more, would read whole catalogs for each relation.
SET LOCAL jit = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_hashagg = off;
