-- Defaults of the role, the database or the server that are in the way of making and dropping a database, and what each
-- has to be instead.
SELECT name, CASE name WHEN 'default_transaction_read_only' THEN 'off' ELSE '0' END AS value
  FROM pg_catalog.pg_settings
 WHERE name IN ('default_transaction_read_only', 'statement_timeout', 'lock_timeout', 'transaction_timeout')
   AND setting NOT IN ('off', '0')
 ORDER BY name;
