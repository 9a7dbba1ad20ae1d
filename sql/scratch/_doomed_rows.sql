-- The rows that a DELETE takes; all parts are the file's own text.
SELECT DISTINCT {reference}.tableoid AS "sqlrail table", {reference}.ctid AS "sqlrail row" FROM {target}{using}{where}
