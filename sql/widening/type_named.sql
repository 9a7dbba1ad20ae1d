-- The type that a name leads to, as the search_path was before ours.sql, but behind PostgreSQL's own; null where it leads nowhere.
{writes}
SELECT to_regtype({type})::oid;
