-- The runners' lock, tried and never waited for: a runner that waits inside a transaction would hang CREATE INDEX
-- CONCURRENTLY. It ends with the transaction, so that no dead runner leaves one behind and no pooler loses it.
SELECT {attempt} AS locked;
-- Keeps plain yoyo from writing its lock row. Runners do not disturb each other with it; a yoyo at that very moment does.
LOCK TABLE {lock} IN SHARE MODE NOWAIT;
-- A later statement and hence a new snapshot: it sees what was committed before the locks were ours.
SELECT (SELECT pid FROM {lock} WHERE locked OPERATOR(pg_catalog.=) 1) AS row_of,
       pg_catalog.txid_current() AS transaction,
       pg_catalog.pg_backend_pid() AS backend,
       {applied} AS applied;
