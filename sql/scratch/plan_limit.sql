-- In a session of our own on a scratch database.
SELECT pg_catalog.current_setting('lock_timeout') AS before, pg_catalog.set_config('lock_timeout', {lock_timeout}, false);
