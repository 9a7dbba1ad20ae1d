-- Behind an expression that is not understood by itself.
ROLLBACK TO SAVEPOINT sqlrail_using;
RELEASE SAVEPOINT sqlrail_using;
