-- It has been read, or was not understood.
ROLLBACK;
