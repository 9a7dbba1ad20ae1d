-- For a statement that can be tried again: no wait for a lock without end.
SET LOCAL lock_timeout = {lock_timeout};
