-- As the session has it, for what reads tables.
SET LOCAL jit TO DEFAULT;
