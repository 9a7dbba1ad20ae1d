-- Rows of one table that will say something else, by one of its keys or several. What goes itself is left as it is.
SELECT place.part, place.tid{values}
  FROM ({places}) AS place
  JOIN {child} AS c ON c.tableoid = place.part AND c.ctid = place.tid
{keys}
 WHERE {stays}
