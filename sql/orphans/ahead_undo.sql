-- Nothing was deleted ahead, and nothing is held.
ROLLBACK TO SAVEPOINT sqlrail_ahead;
RELEASE SAVEPOINT sqlrail_ahead;
