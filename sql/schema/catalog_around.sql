-- The names of the wholes (see catalog_digest.sql) of some objects, of all that depends on these, whatever way, and of all
-- that either need: what is to be known before one of them is dropped, or made.
{begin}
WITH RECURSIVE depends(dependent, needed) AS MATERIALIZED (
    SELECT d.dependent, d.needed FROM (
{depends}
    ) AS d(dependent, needed, how)
), edge(dependent, needed) AS MATERIALIZED (
    SELECT d.dependent, d.needed FROM depends AS d
    UNION ALL
    -- What depends on a column depends on its table or view.
    SELECT DISTINCT d.needed, regexp_replace(d.needed, '[0-9]+$', '0') FROM depends AS d WHERE d.needed !~ '/0$'
    UNION ALL
    -- A composite type is made again with one of its fields.
    SELECT e.dependent, e.needed
      FROM (
{types}
           ) AS f(address, kind, schema, within, name, label, what, creates, inline, tail, drops, renames, local, loses, inherited, facts)
      JOIN (
{types}
           ) AS t(address, kind, schema, within, name, label, what, creates, inline, tail, drops, renames, local, loses, inherited, facts)
        ON t.kind = 'composite type' AND t.name = f.within
     CROSS JOIN LATERAL (VALUES (f.address, t.address), (t.address, f.address)) AS e(dependent, needed)
), above(address) AS (
    SELECT a.address FROM unnest({addresses}::text[]) AS a(address)
    UNION
    SELECT e.dependent FROM above AS a JOIN edge AS e ON e.needed = a.address
), below(address) AS (
    SELECT a.address FROM above AS a
    UNION
    SELECT e.needed FROM below AS b JOIN edge AS e ON e.dependent = b.address
)
SELECT DISTINCT coalesce(o.within, o.name)
  FROM (
{objects}
       ) AS o(address, kind, schema, within, name, label, what, creates, inline, tail, drops, renames, local, loses, inherited, facts)
 WHERE o.address IN (SELECT b.address FROM below AS b UNION ALL SELECT regexp_replace(b.address, '[0-9]+$', '0') FROM below AS b);
COMMIT;
