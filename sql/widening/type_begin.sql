-- The name of a type is read, which may be one of somebody's search_path, behind PostgreSQL's own.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
{limits}
{ours}
{writes}
