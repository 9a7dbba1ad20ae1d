-- Behind plan_aside.sql: all is as it was.
ROLLBACK TO SAVEPOINT sqlrail_aside;
RELEASE SAVEPOINT sqlrail_aside;
