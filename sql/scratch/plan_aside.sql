-- In a rehearsed file's transaction: moves a table out of the way, with the names of its indexes and sequences.
SAVEPOINT sqlrail_aside;
CREATE SCHEMA sqlrail_aside;
ALTER TABLE {table} SET SCHEMA sqlrail_aside;
