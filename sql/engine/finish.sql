-- Closes the transaction of a file: what was deferred comes first, so that its errors are still the file's.
SET CONSTRAINTS ALL IMMEDIATE;
-- What the file left in the session ends here: behind a pooler it would reach the application.
RESET SESSION AUTHORIZATION;
RESET ROLE;
RESET ALL;
CLOSE ALL;
UNLISTEN *;
DISCARD TEMP;
SELECT pg_catalog.pg_advisory_unlock_all();
