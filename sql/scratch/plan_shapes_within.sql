-- Looks at tables in somebody's transaction, and leaves nothing of the look in it: not where names lead to, and no lock.
SAVEPOINT sqlrail_shapes;
{ours}
-- Compiling the question takes longer than answering it.
SET LOCAL jit = off;
{shapes}
ROLLBACK TO SAVEPOINT sqlrail_shapes;
RELEASE SAVEPOINT sqlrail_shapes;
