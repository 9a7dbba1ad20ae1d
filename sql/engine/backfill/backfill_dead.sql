-- Dead rows of a table and of its partitions, as the server counts them.
SELECT coalesce(sum(s.n_dead_tup), 0)::bigint
  FROM pg_catalog.pg_stat_all_tables AS s
 WHERE s.relid = {table}::bigint::oid
    OR s.relid IN (SELECT relid FROM pg_partition_tree({table}::bigint::oid::regclass));
