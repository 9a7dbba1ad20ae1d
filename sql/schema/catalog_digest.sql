-- A digest of the objects that lie in a table, or go by a name: where two databases have the same one, these are the
-- same, with the same facts. It has 128 bits, and the statements about them are in it as well. A row is
--   schema, within, whole  as objects have them; whole is the table that they lie in, or else the name
--   has_parts              whether one of them is what others may lie in
--   is_schema, digest
{begin}
WITH object AS MATERIALIZED (
    SELECT o.kind, o.schema, o.within, o.name, o.address, hashtextextended(o.facts::text, 0) AS left, hashtextextended(o.facts::text, 1) AS right
      FROM (
{objects}
           ) AS o(address, kind, schema, within, name, label, what, creates, inline, tail, drops, renames, local, loses, inherited, facts)
), comment AS MATERIALIZED (
    SELECT c.address, concat_ws(' ', c.attribute, c.not_null, c.text) AS text
      FROM ({comments}) AS c(address, text, literal, relation, attribute, not_null)
), said AS (
    SELECT o.kind, o.schema, o.within, o.name, o.left, o.right FROM object AS o
    UNION ALL
    SELECT 'comment', o.schema, o.within, concat_ws(' ', o.kind, o.name), hashtextextended(c.text, 0), hashtextextended(c.text, 1)
      FROM comment AS c
     -- A view's columns are no objects of their own.
     CROSS JOIN LATERAL (VALUES (c.address), (regexp_replace(c.address, '[0-9]+$', '0'))) AS a(address)
      JOIN object AS o ON o.address = a.address
    UNION ALL
    SELECT 'privilege', o.schema, o.within, concat_ws(' ', o.kind, o.name), hashtextextended(p.text, 0), hashtextextended(p.text, 1)
      FROM (SELECT q.address, concat_ws(' ', q.attribute, 'for', q.grantee, q.privilege, q.grantable) AS text
              FROM ({privileges}) AS q(address, attribute, grantee, privilege, grantable)) AS p
      JOIN object AS o ON o.address = p.address
     WHERE {with_privileges}
)
SELECT s.schema, s.within, coalesce(s.within, s.name) AS whole,
       bool_or(s.kind IN ('table', 'view', 'materialized view', 'sequence', 'domain', 'composite type')) AS has_parts,
       bool_or(s.kind = 'schema') AS is_schema,
       concat_ws(' ', count(*), sum(hashtextextended(concat_ws(' ', s.kind, s.name), s.left)),
                 sum(hashtextextended(concat_ws(' ', s.kind, s.name), s.right))) AS digest
  FROM said AS s
 GROUP BY 1, 2, 3;
COMMIT;
