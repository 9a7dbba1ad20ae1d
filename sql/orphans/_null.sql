-- A row without a value in the column.
c.{column} IS NULL
