-- In front of the trial whether the statement changes rows again that it has changed.
SAVEPOINT sqlrail_again;
