-- How many rows of a live table are in the way of a pending statement.
SELECT count(*) AS rows FROM {rows} AS {alias} WHERE {condition};
