-- A row that names a parent which is not there, where each node looks among its own rows. Citus wants a column named.
{has_key}
   AND NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE {matches})
