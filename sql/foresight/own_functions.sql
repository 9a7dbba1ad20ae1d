-- PostgreSQL's own functions: a SELECT that calls no other writes to no table.
SELECT DISTINCT proname::text FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace;
