-- On Citus, for our own session alone: each other node is asked on one connection, for what is set from here on is told to each
-- that is open. Plans are shown for all shards: that of an empty one says nothing of the others. The view of the batch is
-- nobody else's. A batch keeps no other statement that writes to several shards out as a whole: it locks its rows, and
-- gives way to who has them.
SELECT
 WHERE concat(set_config('citus.max_adaptive_executor_pool_size', '1', true), set_config('citus.explain_all_tasks', 'on', true),
              set_config('citus.enable_ddl_propagation', 'off', true), set_config('citus.enable_deadlock_prevention', 'off', true)) IS NULL;
