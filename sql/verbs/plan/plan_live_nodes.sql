-- The same as plan_live.sql of those of these relations whose rows Citus keeps on other nodes: the coordinator's own file is empty.
-- Each shard is asked where it lies; rows are null where one of them does not know, or does not answer. What is said of an
-- index is about its table.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
{limits}
SET LOCAL search_path = pg_catalog;
{relations}
 CROSS JOIN LATERAL (
    SELECT CASE WHEN bool_and(shard.success AND shard.result ~ '^[0-9]') THEN round(sum(substring(shard.result FROM '^[0-9.e+]+')::float8))::bigint END AS rows,
           coalesce(sum(substring(shard.result FROM ' ([0-9]+)$')::bigint), 0)::bigint AS bytes, count(*) AS shards
      FROM (SELECT coalesce(x.indrelid, c.oid) AS oid
            UNION SELECT relid FROM pg_partition_tree(coalesce(x.indrelid, c.oid))) AS t
      JOIN pg_class AS p ON p.oid = t.oid AND p.relkind = 'r'
      JOIN pg_dist_partition AS d ON d.logicalrelid = p.oid
     CROSS JOIN LATERAL run_command_on_shards(p.oid::regclass,
         'SELECT concat(CASE WHEN pages = 0 THEN 0 WHEN c.reltuples > 0 AND c.relpages > 0 THEN greatest(round(c.reltuples / c.relpages * pages), 1) END, '
         ''' '', pg_catalog.pg_table_size(c.oid)) FROM pg_catalog.pg_class AS c, LATERAL (SELECT pg_catalog.pg_relation_size(c.oid) / '
         'pg_catalog.current_setting(''block_size'')::int AS pages) AS size WHERE c.oid = $sqlrail$%s$sqlrail$::regclass') AS shard) AS e
 WHERE e.shards > 0;
COMMIT;
