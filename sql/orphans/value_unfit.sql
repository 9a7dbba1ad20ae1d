-- It is none.
ROLLBACK TO SAVEPOINT sqlrail_value;
RELEASE SAVEPOINT sqlrail_value;
