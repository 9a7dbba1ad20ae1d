-- A schema that has a node of its own on the real database; sent where there is Citus.
SELECT citus_schema_distribute({schema});
