-- Behind BEGIN: holds up whatever wants these tables, in a way that can be given up step by step.
LOCK TABLE {tables} IN ACCESS SHARE MODE;
SAVEPOINT first;
LOCK TABLE {tables} IN SHARE UPDATE EXCLUSIVE MODE;
SAVEPOINT second;
LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE;
