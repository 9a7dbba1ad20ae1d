-- Rows that will refer to another row, as they are, and what they will say.
INSERT INTO sqlrail.archive (run, relation, source, action, cells, became)
SELECT current_setting('sqlrail.run')::bigint, {relation}, {source}, 'set reference', {cells}, {became}
  FROM {table} AS c
  JOIN {rows} AS place ON place.part = c.tableoid AND place.tid = c.ctid;
