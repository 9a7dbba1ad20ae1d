-- A negative pid is a runner of ours that worked outside a transaction. We hold the runners' lock, so it is dead.
DELETE FROM {lock} WHERE pid < 0;
COMMIT;
