-- The rows of a table whose key names one of the rows of another.
SELECT c.tableoid, c.ctid FROM {child} AS c WHERE ({columns}) IN (SELECT {keys} FROM {parent} AS p WHERE (p.tableoid, p.ctid) IN ({rows}))
