-- A parent that goes with its child's own orphans is none.
AND NOT EXISTS (SELECT FROM pg_temp.sqlrail_orphan AS o WHERE o.part = p.tableoid AND o.tid = p.ctid)
