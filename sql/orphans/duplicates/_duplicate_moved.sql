-- Rows whose own key would change, and that others refer to.
SELECT pg_catalog.format({why}, count(*))
  FROM {rows} AS place
  JOIN {child} AS c ON c.tableoid = place.part AND c.ctid = place.tid
 WHERE pg_catalog.record_image_ne(ROW({new}), ROW({old}))
   AND EXISTS (SELECT FROM {referring} AS d WHERE {matches})
HAVING count(*) > 0
