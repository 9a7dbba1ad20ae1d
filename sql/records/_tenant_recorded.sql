-- The rows of yoyo's tables in one schema, for records/tenants.py to put together. A COPY of a table plans nothing, and opens
-- none of its indexes: of a thousand schemas that is most of the work. Two statements.
COPY {first} (migration_hash, migration_id) TO STDOUT;
COPY {second} (migration_hash, comment, created_at_utc) TO STDOUT
