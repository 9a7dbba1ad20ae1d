-- The rows of a table that goes, or is emptied.
SELECT count(*) FROM ONLY {table};
