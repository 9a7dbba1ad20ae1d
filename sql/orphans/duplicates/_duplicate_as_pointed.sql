-- Rows of a table as they will be, under their columns' names.
(SELECT c.tableoid, c.ctid{columns} FROM {pointed} AS v JOIN {child} AS c ON c.tableoid = v.part AND c.ctid = v.tid) AS c
