-- What the expression behind USING means, before the statement runs; the transaction is left as it was.
SAVEPOINT sqlrail_using;
{using}
ROLLBACK TO SAVEPOINT sqlrail_using;
RELEASE SAVEPOINT sqlrail_using;
