-- How many rows a table has, and how many of them are younger than a transaction: no row is changed without being younger.
SELECT {oid}::oid AS oid, count(*) AS rows, count(*) FILTER (WHERE age(xmin) <= age({since}::xid)) AS young FROM ONLY {table};
