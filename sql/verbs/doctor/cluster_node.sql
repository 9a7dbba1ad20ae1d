-- Nodes of Citus that cannot be reached, take no part, or do not know what the coordinator knows.
SELECT 'the cluster', format('node %s:%s', d.nodename, d.nodeport),
       CASE WHEN NOT reached THEN 'it cannot be reached from the coordinator: what needs a shard of it fails'
            WHEN NOT d.isactive THEN 'it is not active: it takes no part in what others do, and its copies of reference tables grow old'
            ELSE 'it does not know all that the coordinator knows of tables and nodes: nothing can be changed in them' END,
       CASE WHEN NOT reached THEN 'bring it back; if it has come back under another name: SELECT citus_update_node(…)' END,
       NULL::text[],
       CASE WHEN reached AND NOT d.isactive THEN ARRAY[format('SELECT citus_activate_node(%L, %s)', d.nodename, d.nodeport)]
            WHEN reached THEN ARRAY['SELECT start_metadata_sync_to_all_nodes()'] END,
       NULL::jsonb, NULL::text
  FROM pg_catalog.pg_dist_node AS d
 CROSS JOIN LATERAL (SELECT d.groupid = 0 OR coalesce(citus_check_connection_to_node(d.nodename, d.nodeport), false) AS reached OFFSET 0) AS look
 WHERE d.noderole = 'primary'
   AND (NOT reached OR NOT d.isactive OR NOT d.metadatasynced)
 ORDER BY d.nodename, d.nodeport;
