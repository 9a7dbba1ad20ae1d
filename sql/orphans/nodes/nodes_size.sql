-- How many bytes the child's rows take on all nodes, its partitions' with them, and how many nodes these are.
SELECT coalesce(sum(citus_relation_size(c.oid)), 0)::bigint,
       (SELECT count(DISTINCT p.groupid) FROM pg_catalog.pg_dist_placement AS p JOIN pg_catalog.pg_dist_shard AS s USING (shardid)
         WHERE s.logicalrelid = {child_oid}::regclass)
  FROM (SELECT {child_oid}::oid AS oid UNION SELECT relid FROM pg_catalog.pg_partition_tree({child_oid})) AS part
  JOIN pg_catalog.pg_class AS c ON c.oid = part.oid
 WHERE c.relkind = 'r';
