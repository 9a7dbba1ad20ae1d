-- How many rows were taken, so that what would go with them is looked up row by row where they are few.
ANALYZE pg_temp.sqlrail_orphan;
