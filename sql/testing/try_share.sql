-- The same beside others who share it.
SELECT pg_try_advisory_lock_shared({space}, {number});
