-- Whether the new values can be made at all.
SELECT count({value}) FROM (SELECT {columns} FROM ONLY {table}) AS {called};
