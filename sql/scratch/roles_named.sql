-- Those of these names that are roles here.
SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname::text = ANY ({names}::text[]) ORDER BY rolname;
