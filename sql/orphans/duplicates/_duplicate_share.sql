-- Duplicates on this scale are more often a column that was never meant to be unique than rows to throw away.
SELECT pg_catalog.format({why}, found.rows, total.rows)
  FROM (SELECT count(*) + {before} AS rows FROM {gone}) AS found
 CROSS JOIN LATERAL (
       SELECT count(*) + {before} AS rows
         FROM (SELECT FROM {table} LIMIT (SELECT CASE WHEN found.rows > {max_rows}
                      THEN least(ceil(found.rows / nullif({max_share}::float8, 0)) + 1, 1e18) ELSE 0 END)) AS enough) AS total
 WHERE found.rows > {max_rows} AND found.rows > {max_share}::float8 * total.rows
