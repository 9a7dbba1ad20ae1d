-- In front of the guard, and of finish.sql, which puts back what is set here: what was deferred has its effects before they are
-- looked at. Names led to the tenant from the transaction's beginning on, and ours.sql need not lead them once more. That the
-- guard is spelt right is nothing to look at for each tenant.
SET CONSTRAINTS ALL IMMEDIATE;
{ours}
SET LOCAL check_function_bodies = off;
