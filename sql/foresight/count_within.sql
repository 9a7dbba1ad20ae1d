-- One count of many: what it locks and sets ends with it.
SAVEPOINT sqlrail_count;
{count}
ROLLBACK TO SAVEPOINT sqlrail_count;
RELEASE SAVEPOINT sqlrail_count;
