-- The rows that were staged, as they are, into the archive.
INSERT INTO sqlrail.archive (run, relation, source, action, cells)
SELECT current_setting('sqlrail.run')::bigint, {relation}, {source}, s.action, {cells}
  FROM {table} AS c
  JOIN pg_temp.sqlrail_cascade AS s ON s.part = c.tableoid AND s.tid = c.ctid
 WHERE s.source = {source}::regclass;
