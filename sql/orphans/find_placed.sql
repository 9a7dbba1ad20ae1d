-- Finds the same rows as find_orphans.sql where a look has placed them before the locks: those that are still there, and of the
-- rows that came or were changed since, which are told by their transaction, those that are orphans. Each is looked up by
-- the parent's key, but those that are there as they were only if a parent has come; none has gone (placed_stands.sql).
-- What came is gathered by itself, for where rows are looked up one by one a table is not read in parallel. OFFSET has each
-- place gone to by itself: to read the whole table for all of them is thought cheaper, and keeps writers waiting. The last go
-- first: they are in the cache since warm_placed.sql, and the first will be when the deletion begins with them.
{reads}
CREATE {staging} AS
WITH came AS MATERIALIZED (
    SELECT c.ctid AS tid FROM {child} AS c WHERE {is_new}
)
SELECT c.part, c.tid
  FROM (SELECT pg_catalog.unnest({tids}) UNION SELECT tid FROM came ORDER BY 1 DESC) AS place(tid)
 CROSS JOIN LATERAL (
       SELECT c.tableoid AS part, c.ctid AS tid
         FROM {child} AS c
        WHERE c.ctid OPERATOR(pg_catalog.=) place.tid
          AND ({has_all_parents} AND NOT ({is_new}) OR {still_found})
       OFFSET 0) AS c;
{has_read}
