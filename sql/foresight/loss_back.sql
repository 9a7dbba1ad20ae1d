-- Behind a count that has failed: the next one can be asked for.
ROLLBACK TO SAVEPOINT sqlrail_loss;
RELEASE SAVEPOINT sqlrail_loss;
