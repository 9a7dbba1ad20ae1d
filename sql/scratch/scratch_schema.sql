-- One that the real database has, and no file makes.
CREATE SCHEMA IF NOT EXISTS {schema};
