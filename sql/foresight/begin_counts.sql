-- A transaction in which live rows are counted: all counts see the rows of one moment, and none writes.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
