-- Tables of which a plan reads these shards wholly, if they are larger than so many bytes together; partitions of one table
-- count together.
SELECT format('%I.%I', n.nspname, r.relname), sum(answer.result::bigint)::bigint
  FROM (SELECT s.logicalrelid, array_agg(s.shardid) AS shards
          FROM pg_catalog.pg_dist_shard AS s
         WHERE s.shardid IN (SELECT substring(name FROM '_([0-9]+)$')::bigint FROM unnest({shards}::text[]) AS name)
         GROUP BY s.logicalrelid) AS read
 CROSS JOIN LATERAL run_command_on_shards(read.logicalrelid::regclass, 'SELECT pg_catalog.pg_relation_size($sqlrail$%s$sqlrail$)') AS answer
  JOIN pg_catalog.pg_class AS r ON r.oid = coalesce(pg_partition_root(read.logicalrelid), read.logicalrelid)
  JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace
 WHERE answer.success AND answer.shardid = ANY (read.shards)
 GROUP BY r.oid, n.nspname, r.relname
HAVING sum(answer.result::bigint) > {least}
 ORDER BY 2 DESC;
