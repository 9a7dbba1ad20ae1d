-- With a record goes what took it back.
, forgotten AS (
    DELETE FROM sqlrail.rollback AS r USING gone
     WHERE r.records_in OPERATOR(pg_catalog.=) {records_in} AND r.migration_hash OPERATOR(pg_catalog.=) gone.migration_hash::pg_catalog.text
)
