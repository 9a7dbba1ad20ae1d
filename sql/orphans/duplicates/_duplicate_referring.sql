-- Rows that refer by one key to a row that goes, with what they will say instead.
SELECT c.tableoid AS part, c.ctid AS tid{values}
  FROM {gone} AS gone
  JOIN {child} AS c ON {matches}
