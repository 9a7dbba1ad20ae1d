-- Looks at tables between transactions.
BEGIN READ ONLY;
{ours}
{shapes}
COMMIT;
