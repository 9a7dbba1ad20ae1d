-- Rows that go, whole, into the archive.
INSERT INTO sqlrail.archive (run, relation, source, action, cells)
SELECT current_setting('sqlrail.run')::bigint, {relation}, {source}, 'duplicate', {cells}
  FROM {table} AS c
  JOIN {rows} AS place ON place.part = c.tableoid AND place.tid = c.ctid;
