-- Somebody's expression is read, and never run, as the trigger will read it: a name leads to PostgreSQL's own, unless it says
-- its schema.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
{limits}
SET LOCAL search_path = '';
