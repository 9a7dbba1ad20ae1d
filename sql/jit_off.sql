-- Questions to the catalog are short and estimated to be long: compiling one takes seconds, with the tables locked.
SET LOCAL jit = off;
