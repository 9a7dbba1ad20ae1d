-- The same between two transactions.
BEGIN;
{using}
ROLLBACK;
