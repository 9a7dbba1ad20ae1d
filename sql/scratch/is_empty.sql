-- Whether nobody has made anything in the database: 16384 is the first oid that is not PostgreSQL's own.
SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE oid >= 16384)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid >= 16384)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_proc WHERE oid >= 16384)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_type WHERE oid >= 16384);
