-- The same, where it is not understood.
ROLLBACK;
