-- Session locks outlive a rollback, and behind a pooler the session is somebody else's next.
ROLLBACK;
SELECT pg_catalog.pg_advisory_unlock_all();
