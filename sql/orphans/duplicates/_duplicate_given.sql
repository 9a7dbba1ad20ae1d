-- Rows whose column would say something else, and may not.
SELECT pg_catalog.format({why}, count(*))
  FROM {rows} AS place
  JOIN {child} AS c ON c.tableoid = place.part AND c.ctid = place.tid
 WHERE pg_catalog.record_image_ne(ROW({new}), ROW({old}))
HAVING count(*) > 0
