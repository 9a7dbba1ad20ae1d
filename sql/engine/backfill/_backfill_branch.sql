-- Rows whose key begins as the last one that is done, and is greater from some column on: each branch goes along the index.
(SELECT {keys} FROM {table} AS t WHERE {behind} AND {more} ORDER BY {order} LIMIT {size})
