-- Which of these extensions the server could make, whether or not this database has them.
SELECT name::text
  FROM pg_catalog.pg_available_extensions
 WHERE name::text = ANY ({names}::text[]);
