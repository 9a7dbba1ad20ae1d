-- A row if Citus keeps the table's rows on other nodes.
SELECT true FROM pg_catalog.pg_dist_partition WHERE logicalrelid = {child}::regclass;
