-- The rows of a table that a test has added: those that it had before are known to be there.
DELETE FROM ONLY {table} WHERE age(xmin) <= age({since}::xid);
