-- And for all nodes again.
SELECT set_config('citus.propagate_set_commands', 'local', true);
