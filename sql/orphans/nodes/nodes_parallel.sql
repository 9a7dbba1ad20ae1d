-- A node may use several connections, for no ALTER TABLE follows in this transaction, see lock_relations.sql. What the nodes
-- hand over may take the disk that the archive takes as well.
SELECT set_config('citus.multi_shard_modify_mode', 'parallel', true), set_config('citus.max_intermediate_result_size', '-1', true);
