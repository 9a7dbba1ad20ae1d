-- The oid of the tenant's schema, null where there is none. An expression.
pg_catalog.to_regnamespace({quoted})::pg_catalog.oid
