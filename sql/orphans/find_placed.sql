-- Finds the same rows as find_orphans.sql where a look has placed them before the locks: those that are still there, and of the
-- rows that came or were changed since, which are told by their transaction, those that are orphans. Each is looked up by
-- the parent's key, but those that are there as they were only if a parent has come; none has gone (placed_stands.sql).
{reads}
CREATE {staging} AS
SELECT c.tableoid AS part, c.ctid AS tid
  FROM {child} AS c
 WHERE c.ctid OPERATOR(pg_catalog.=) ANY ({tids}::pg_catalog.tid[])
   AND pg_catalog.age(c.xmin) OPERATOR(pg_catalog.>) pg_catalog.age({oldest}::pg_catalog.xid)
   AND ({has_all_parents} OR ({still_found}))
UNION ALL
SELECT c.tableoid, c.ctid
  FROM {child} AS c
 WHERE pg_catalog.age(c.xmin) OPERATOR(pg_catalog.<=) pg_catalog.age({oldest}::pg_catalog.xid)
   AND {still_found};
{has_read}
