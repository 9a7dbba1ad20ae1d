-- Which of yoyo's tables lie in the schema.
SELECT c.relname::text
  FROM pg_catalog.pg_class AS c
 WHERE c.relnamespace = to_regnamespace(quote_ident({schema}))
   AND c.relkind IN ('r', 'p');
