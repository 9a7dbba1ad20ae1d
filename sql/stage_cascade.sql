-- The rows of a table that go, or are changed, with rows staged before them. What goes by one key and is changed by
-- another goes.
INSERT INTO pg_temp.sqlrail_cascade (source, part, tid, action)
SELECT DISTINCT {source}::regclass, t.tableoid, t.ctid, {action}
  FROM {table} AS t
  JOIN {referenced} AS r ON {matches}
  JOIN pg_temp.sqlrail_gone AS s ON s.part = r.tableoid AND s.tid = r.ctid
ON CONFLICT (part, tid) DO UPDATE SET action = excluded.action
 WHERE excluded.action = 'cascade' AND sqlrail_cascade.action <> 'cascade';
