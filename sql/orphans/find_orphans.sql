-- Finds the rows that violate a constraint. What is written here by hand means the same along any search_path.
{reads}
CREATE {staging} AS
SELECT {c}.tableoid AS part, {c}.ctid AS tid
  FROM {rows}
 WHERE {violates};
{has_read}
