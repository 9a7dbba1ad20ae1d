-- Old values of rows that stayed.
UPDATE {target} AS p SET {assignments}
