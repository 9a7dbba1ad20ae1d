-- The same where rows go by the deletion alone, and no trigger or key takes or changes any with them. The deletion goes to what a
-- look has placed, so nothing else does: a place whose row has gone since, or is another row's by now, deletes nothing, and
-- placed_gone.sql takes it out of the count. Such a row was an orphan, and is held against the parents that came since.
{writes}
CREATE TEMP TABLE sqlrail_came ON COMMIT DROP AS
SELECT {keys} FROM {parent} AS p WHERE {some_came} AND age(p.xmin) <= age({oldest}::xid8::xid);
{ours}
{reads}
CREATE {staging} AS
WITH came AS MATERIALIZED (
    SELECT c.ctid AS tid FROM {child} AS c WHERE {is_new}
), placed AS (
    SELECT pg_catalog.unnest({tids}::pg_catalog.tid[]) AS tid EXCEPT SELECT tid FROM came
)
SELECT {child_oid}::pg_catalog.oid AS part, tid FROM placed
UNION ALL
SELECT c.part, c.tid
  FROM came
 CROSS JOIN LATERAL (
       SELECT c.tableoid AS part, c.ctid AS tid
         FROM {child} AS c
        WHERE c.ctid OPERATOR(pg_catalog.=) came.tid AND {still_found}
       OFFSET 0) AS c;
{has_read}
