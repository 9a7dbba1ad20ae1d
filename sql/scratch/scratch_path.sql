-- Nobody else comes in, and names without a schema lead to the same schemas as in the real database. The setting goes
-- with the database when that is dropped.
REVOKE CONNECT ON DATABASE {database} FROM PUBLIC;
ALTER ROLE SESSION_USER IN DATABASE {database} SET search_path = {schemas};
