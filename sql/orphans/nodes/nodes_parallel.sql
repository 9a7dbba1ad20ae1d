-- A node may use several connections, for no ALTER TABLE follows in this transaction, see lock_relations.sql.
SELECT set_config('citus.multi_shard_modify_mode', 'parallel', true);
