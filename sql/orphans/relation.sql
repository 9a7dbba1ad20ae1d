-- What the catalog says of relations and forbids, see _relation.sql, where the question stands.
{relation};
