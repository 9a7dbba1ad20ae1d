-- What can be cast to what.
SELECT format_type(c.castsource, NULL), format_type(c.casttarget, NULL) FROM pg_catalog.pg_cast AS c
