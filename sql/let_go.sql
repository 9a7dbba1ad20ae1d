-- The file outside a transaction has failed, and its lock row with it.
DELETE FROM {lock} WHERE pid < 0;
COMMIT;
