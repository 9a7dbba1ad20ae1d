-- A number that a run holds for as long as it lives; it is tried and never waited for, as the runners' lock is.
SELECT pg_try_advisory_lock({space}, {number});
