-- The primary keys of some of them: of each group of equals the first is left out.
SELECT {keys} AS keys
  FROM (SELECT *, row_number() OVER (PARTITION BY {names} ORDER BY {order}) AS "sqlrail number"
          FROM (SELECT *, {parts} FROM {rows} AS {alias} WHERE {condition} OFFSET 0) AS parted
         WHERE {filled}) AS numbered
 WHERE "sqlrail number" > 1 ORDER BY {order} LIMIT {most};
