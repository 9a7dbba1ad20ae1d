-- The rows whose value an UPDATE of all rows overwrites; all parts are the file's own text.
SELECT {reference}.tableoid AS "sqlrail table", {reference}.ctid AS "sqlrail row" FROM {target}
 WHERE pg_catalog.num_nonnulls({column}) OPERATOR(pg_catalog.>) 0 AND {column} IS DISTINCT FROM ({value})
