-- What an expression over columns gives; in WHERE as well, which forbids what ALTER TABLE ... USING does, but for subqueries.
SELECT {expression} FROM ({rows}) AS {table} WHERE ({expression}) IS NULL
