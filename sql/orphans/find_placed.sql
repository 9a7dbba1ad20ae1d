-- Finds the same rows as find_orphans.sql where a look has placed them before the locks: those that are still there, and of the
-- rows that came or were changed since, which are told by their transaction, those that are orphans. Each is looked up by
-- the parent's key, but those that are there as they were only if a parent has come; none has gone (placed_stands.sql).
-- OFFSET has each place gone to by itself: to read the whole table for all of them is thought cheaper, and keeps writers waiting.
{reads}
CREATE {staging} AS
SELECT c.part, c.tid
  FROM pg_catalog.unnest({tids}::pg_catalog.tid[]) AS placed(tid)
 CROSS JOIN LATERAL (
       SELECT c.tableoid AS part, c.ctid AS tid
         FROM {child} AS c
        WHERE c.ctid OPERATOR(pg_catalog.=) placed.tid
          AND pg_catalog.age(c.xmin) OPERATOR(pg_catalog.>) pg_catalog.age({oldest}::pg_catalog.xid)
          AND ({has_all_parents} OR ({still_found}))
       OFFSET 0) AS c
UNION ALL
SELECT c.tableoid, c.ctid
  FROM {child} AS c
 WHERE pg_catalog.age(c.xmin) OPERATOR(pg_catalog.<=) (SELECT pg_catalog.age({oldest}::pg_catalog.xid))
   AND {still_found};
{has_read}
