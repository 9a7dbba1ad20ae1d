-- What a node has committed in two phases is on its disk. The archive must not be in less of a hurry: a crash of the
-- coordinator would lose it, and the rows would be gone.
SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off';
