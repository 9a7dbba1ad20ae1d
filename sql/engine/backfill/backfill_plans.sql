-- The statement of a file goes to each row of the batch along an index: what would read a whole table once for each batch
-- is no choice, nor is compiling it.
SET LOCAL enable_mergejoin = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL jit = off;
