-- Those roles by name.
SELECT rolname::text FROM pg_catalog.pg_roles WHERE oid IN ({left}) ORDER BY rolname;
