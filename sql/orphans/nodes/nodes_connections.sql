-- So many connections to each node, if Citus would open more: each is a process there that begins with cold catalogs.
SELECT set_config(name, least(reset_val::int, {connections})::text, true) FROM pg_settings
 WHERE name = 'citus.max_adaptive_executor_pool_size';
