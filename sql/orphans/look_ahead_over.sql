-- Gives back what the look has locked: from here to the cleanup's own locks nothing of the tables is held.
ROLLBACK TO SAVEPOINT sqlrail_look;
RELEASE SAVEPOINT sqlrail_look;
