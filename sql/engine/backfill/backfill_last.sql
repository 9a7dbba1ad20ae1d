-- The last key of the table: how far a pass goes.
SELECT ARRAY[{texts}] FROM (SELECT {keys} FROM {table} AS t ORDER BY {order} LIMIT 1) AS t;
