-- The primary keys of some of them, and nothing else of a row.
SELECT {keys} AS keys FROM {rows} AS {alias} WHERE {condition} ORDER BY {order} LIMIT {most};
