-- lock.sql with a file behind it in the same message: what stands against running it is a division by zero, so that
-- nothing of it is run. The reason is asked for afterwards.
SELECT 1 / pg_try_advisory_xact_lock({key})::int AS locked;
LOCK TABLE {lock} IN SHARE MODE NOWAIT;
SELECT 1 / (NOT EXISTS (SELECT FROM {lock} WHERE locked = 1) AND {applied} IS FALSE)::int AS ready,
       txid_current() AS transaction;
