-- In front of a look within the transaction of a cleanup that follows.
SAVEPOINT sqlrail_look;
