-- Opens the look at what is unhealthy: one snapshot, in which nothing is written. Where names lead to PostgreSQL's own alone
-- (ours.sql, among the limits), every other name that the server spells is qualified.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
{limits}
SET LOCAL quote_all_identifiers = off;
SET LOCAL jit = off;
SET LOCAL row_security = off;
