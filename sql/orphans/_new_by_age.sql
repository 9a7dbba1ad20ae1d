-- The same where they are too many for a list.
pg_catalog.age(c.xmin) OPERATOR(pg_catalog.<=) (SELECT pg_catalog.age({oldest}::pg_catalog.xid8::pg_catalog.xid))
