-- Keeps the old tool out until the end of the transaction: nobody writes to its history, and who asks for its lock waits.
-- What is in somebody's hands is not waited for.
LOCK TABLE ONLY {history} IN SHARE ROW EXCLUSIVE MODE NOWAIT;
SELECT coalesce(bool_and(pg_try_advisory_xact_lock(k.number)), true) FROM unnest({numbers}::bigint[]) AS k(number);
