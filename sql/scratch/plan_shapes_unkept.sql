-- In somebody's transaction, behind a look in a session that does not keep the question: all is as it was.
ROLLBACK TO SAVEPOINT sqlrail_shapes;
RELEASE SAVEPOINT sqlrail_shapes;
