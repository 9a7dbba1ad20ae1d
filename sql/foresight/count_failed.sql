-- Behind a count that failed: the next one goes on in the same transaction.
ROLLBACK TO SAVEPOINT sqlrail_count;
RELEASE SAVEPOINT sqlrail_count;
