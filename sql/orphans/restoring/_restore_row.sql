-- The rows of restore_rows.sql with all columns that the table has by now.
(SELECT *{others} FROM (SELECT {id}{columns} FROM {stored}) AS given)
