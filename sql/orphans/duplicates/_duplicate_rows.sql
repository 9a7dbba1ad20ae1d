-- The rows that go, each with the one that stays: the first of those that a unique constraint would call equal. A window
-- compares as the type's default order does, as a unique index would, and by the column's own collation.
SELECT part, tid, kept_part, kept_tid{carried}
  FROM (SELECT c.tableoid AS part, c.ctid AS tid, row_number() OVER same AS n,
               pg_catalog.first_value(c.tableoid) OVER same AS kept_part, pg_catalog.first_value(c.ctid) OVER same AS kept_tid{carrying}
          FROM {table} AS c
         WHERE {present}
        WINDOW same AS (PARTITION BY {columns} ORDER BY {order})) AS ranked
 WHERE n > 1
