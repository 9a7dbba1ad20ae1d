-- What was deleted ahead stands.
RELEASE SAVEPOINT sqlrail_ahead;
SELECT set_config('lock_timeout', current_setting('sqlrail.lock_timeout'), true);
