-- Looks at tables between transactions.
BEGIN READ ONLY;
{ours}
SET LOCAL jit = off;
{shapes}
COMMIT;
