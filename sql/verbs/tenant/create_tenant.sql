-- The schema of a new tenant.
CREATE SCHEMA {schema};
