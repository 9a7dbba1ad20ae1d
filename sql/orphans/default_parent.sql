-- Whether a default that is the same for every row names a parent. Citus wants a column named.
SELECT EXISTS (SELECT 1 FROM {parent} AS p WHERE {matches});
