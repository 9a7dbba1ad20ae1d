-- A row of one of the transactions that a look may have missed: unlike age(), in parallel.
c.xmin OPERATOR(pg_catalog.=) ANY ({transactions}::pg_catalog.xid[])
