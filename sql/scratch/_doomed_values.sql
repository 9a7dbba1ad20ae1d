-- What an UPDATE of all rows makes of a column; all parts are the file's own text. Whether it differs is asked elsewhere, for
-- operators lead here where they lead in the file.
SELECT {column} AS "sqlrail old", ({value}) AS "sqlrail new" FROM {target}
