-- A quick look at rows that violate a constraint by themselves, as count_violations.sql; all rows are another question,
-- nodes_rows.sql.
SELECT NULL::bigint, count(*), true, 0
  FROM {child} AS c
 WHERE {violates};
