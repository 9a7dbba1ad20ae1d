-- What is set from here on is for the coordinator: a setting for all nodes is sent on each connection to each of them, and no
-- statement of a file follows, which would find there what was set before.
SELECT set_config('citus.propagate_set_commands', 'none', true);
