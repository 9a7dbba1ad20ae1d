-- A table and what shares rows with it: those that it is a partition of, and its own partitions. A subquery.
(SELECT {table} AS relid
 UNION SELECT relid FROM pg_catalog.pg_partition_ancestors({table})
 UNION SELECT relid FROM pg_catalog.pg_partition_tree({table}))
