-- Opens the look at what is unhealthy: one snapshot, in which nothing is written. With no search_path every name that the
-- server spells is qualified, unless it is PostgreSQL's own.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
{limits}
SET LOCAL search_path = '';
SET LOCAL quote_all_identifiers = off;
SET LOCAL jit = off;
SET LOCAL row_security = off;
