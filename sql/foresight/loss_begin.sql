-- One snapshot for all counts of what would be lost; where a policy hides rows from us, a count fails.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
{ours}
{limits}
SET LOCAL statement_timeout = {limit};
SET LOCAL row_security = off;
