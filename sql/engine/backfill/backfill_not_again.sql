-- Takes that trial back.
ROLLBACK TO SAVEPOINT sqlrail_again;
RELEASE SAVEPOINT sqlrail_again;
