-- What the catalog says of a table whose duplicates are to go, see _duplicate_facts.sql, where the question stands.
{query};
