-- What these relations are called.
SELECT n.nspname::text, c.relname::text
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.oid = ANY ({oids}::oid[]);
