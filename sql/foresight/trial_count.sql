-- The rows of a copied table, in the transaction of a file.
SELECT pg_catalog.count(*) FROM ONLY {table};
