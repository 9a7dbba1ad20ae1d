-- A digest of the objects that lie in a table, or go by a name: where two databases have the same one, these are the
-- same, with the same facts. It has 128 bits, and what is only about the statements is not in it. A row is
--   schema, within, whole  as objects have them; whole is the table that they lie in, or else the name
--   has_parts              whether one of them is what others may lie in
--   is_schema, digest
-- Comments and privileges are looked up by the address of what they are on: a join would be planned by guesses, for right
-- after a schema was made nothing is known of how many there are.
{begin}
WITH comment(by) AS MATERIALIZED (
    SELECT jsonb_object_agg(k.address, k.said)
      FROM (SELECT a.address, string_agg(t.said, ' ' ORDER BY t.said COLLATE "C")
              FROM ({comments}) AS c(address, text, literal, relation, attribute, not_null)
              -- A view's columns are no objects of their own.
             CROSS JOIN LATERAL (SELECT c.address UNION SELECT regexp_replace(c.address, '[0-9]+$', '0')) AS a(address)
             CROSS JOIN LATERAL (SELECT json_build_array(c.attribute, c.not_null, c.text)::text AS said) AS t
             GROUP BY a.address) AS k(address, said)
), privilege(by) AS MATERIALIZED (
    SELECT jsonb_object_agg(k.address, k.said)
      FROM (SELECT p.address, string_agg(t.said, ' ' ORDER BY t.said COLLATE "C")
              FROM ({privileges}) AS p(address, attribute, grantee, privilege, grantable)
             CROSS JOIN LATERAL (SELECT json_build_array(p.attribute, p.grantee, p.privilege, p.grantable)::text AS said) AS t
             WHERE {with_privileges}
             GROUP BY p.address) AS k(address, said)
)
SELECT o.schema, o.within, coalesce(o.within, o.name) AS whole,
       bool_or(o.kind IN ('table', 'view', 'materialized view', 'sequence', 'domain', 'composite type')) AS has_parts,
       bool_or(o.kind = 'schema') AS is_schema,
       concat_ws(' ', count(*), sum(hashtextextended(t.said, 0)), sum(hashtextextended(t.said, 1))) AS digest
  FROM (
{objects}
       ) AS o(address, kind, schema, within, name, label, what, creates, inline, tail, drops, renames, local, loses, inherited, facts)
 CROSS JOIN LATERAL (
     SELECT {said} AS said OFFSET 0) AS t
 GROUP BY 1, 2, 3;
COMMIT;
