-- Rows with what a unique index makes of them.
SELECT tableoid AS part, ctid AS tid{columns}
  FROM {rows}
 WHERE {present}
