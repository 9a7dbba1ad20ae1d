-- In a session of our own on a scratch database.
SELECT current_setting('lock_timeout') AS before, set_config('lock_timeout', {lock_timeout}, false);
