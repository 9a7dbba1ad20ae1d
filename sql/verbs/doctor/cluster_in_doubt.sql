-- Transactions that a node has prepared and nobody has ended for longer than a minute: they keep their locks, and VACUUM back.
SELECT 'the cluster', format('node %s:%s', d.nodename, d.nodeport),
       format('%s in doubt there for longer than a minute, with %s locks', CASE answer.result WHEN '1' THEN 'a transaction is' ELSE answer.result || ' transactions are' END,
              CASE answer.result WHEN '1' THEN 'its' ELSE 'their' END),
       'each node ends what it has begun itself, as Citus does every citus.recover_2pc_interval while all of them are up',
       NULL::text[], ARRAY['SELECT run_command_on_all_nodes(''SELECT pg_catalog.recover_prepared_transactions()'')'], NULL::jsonb, NULL::text
  FROM run_command_on_all_nodes(
           'SELECT count(*) FROM pg_catalog.pg_prepared_xacts WHERE gid ~ ''^citus_'' AND database = pg_catalog.current_database() '
           'AND prepared < pg_catalog.now() - interval ''1 minute''') AS answer
  JOIN pg_catalog.pg_dist_node AS d USING (nodeid)
 WHERE answer.success AND answer.result <> '0'
 ORDER BY d.nodename, d.nodeport;
