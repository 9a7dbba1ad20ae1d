-- Whether a node may use several connections, see may_be_parallel(): no ALTER TABLE follows in this transaction, see
-- lock_relations.sql. What the nodes hand over may take the disk that the archive takes as well.
SELECT set_config('citus.multi_shard_modify_mode', {mode}, true), set_config('citus.max_intermediate_result_size', '-1', true);
