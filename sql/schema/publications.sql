-- Publications that will publish the tables of records and archive as soon as they are made.
SELECT pubname::text FROM pg_catalog.pg_publication WHERE puballtables ORDER BY 1;
