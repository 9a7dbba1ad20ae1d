-- The runners' lock, tried and never waited for: a runner that waits inside a transaction would hang CREATE INDEX
-- CONCURRENTLY. It ends with the transaction, so that no dead runner leaves one behind and no pooler loses it.
-- yoyo's lock row is taken with it and keeps plain yoyo out. Whether this INSERT made it says who holds it: a pid in
-- it may be that of a process in somebody's container.
INSERT INTO {lock} (locked, ctime, pid)
SELECT 1, clock_timestamp() AT TIME ZONE 'UTC', pg_backend_pid()
 WHERE pg_try_advisory_xact_lock({key})
ON CONFLICT DO NOTHING;
-- A later statement and hence a new snapshot: it sees what was committed before the lock was ours.
SELECT pg_try_advisory_xact_lock({key}) AS locked,
       (SELECT pid FROM {lock} WHERE locked = 1) AS row_of,
       txid_current() AS transaction,
       {applied} AS applied;
