-- Where a row violates a constraint by itself, the lock that the batch has on it is enough.
COMMIT;
