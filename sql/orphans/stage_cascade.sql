-- The rows of a table that go, or are changed, with rows staged before them. What goes by one key and is changed by
-- another goes; what is an orphan itself is deleted as one, even where it refers to another.
INSERT INTO pg_temp.sqlrail_cascade (source, part, tid, action)
SELECT DISTINCT {source}::regclass, staged.part, staged.tid, {action}
  FROM (SELECT t.tableoid AS part, t.ctid AS tid
          FROM {table} AS t
          JOIN {referenced} AS r ON {matches}
          JOIN (SELECT part, tid FROM pg_temp.sqlrail_orphan
                UNION ALL
                SELECT part, tid FROM pg_temp.sqlrail_cascade WHERE action = 'cascade') AS s
            ON s.part = r.tableoid AND s.tid = r.ctid
         WHERE NOT EXISTS (SELECT FROM pg_temp.sqlrail_orphan AS o WHERE o.part = t.tableoid AND o.tid = t.ctid)
               {row_locks}) AS staged
ON CONFLICT (part, tid) DO UPDATE SET action = excluded.action
 WHERE excluded.action = 'cascade' AND sqlrail_cascade.action <> 'cascade';
