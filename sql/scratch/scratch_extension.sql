-- One that the real database has, and no file makes.
CREATE EXTENSION IF NOT EXISTS {extension} SCHEMA {schema} CASCADE;
