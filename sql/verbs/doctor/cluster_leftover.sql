-- What a move of shards, or a distribution while others write, has left on nodes when it failed. One that runs at this moment
-- has such notes, too: the call that mends it leaves them alone. What a move that went well leaves for later (2) goes by itself.
SELECT 'the cluster', format('leftovers on node %s:%s', d.nodename, d.nodeport),
       format('%s things are left there by moves of shards that failed, or that run: %s%s', count(*), (array_agg(c.object_name ORDER BY c.record_id))[1],
              CASE WHEN count(*) > 1 THEN ' and others' ELSE '' END),
       NULL, NULL::text[], ARRAY['CALL citus_cleanup_orphaned_resources()'], NULL::jsonb, NULL::text
  FROM pg_catalog.pg_dist_cleanup AS c
  JOIN pg_catalog.pg_dist_node AS d ON d.groupid = c.node_group_id AND d.noderole = 'primary'
 WHERE c.policy_type <> 2
 GROUP BY d.nodename, d.nodeport
 ORDER BY d.nodename, d.nodeport;
