-- A type: its length, which is none of a domain's own; as SQL spells it wherever names lead; whether a column can have it;
-- whether it is a domain, and one that asks for more than its type does; whether = says that two values are the same; whether
-- it has collations, and which is its own; whether it is composite; and settings that values may be read and written by.
WITH RECURSIVE chain AS (
    SELECT t.* FROM pg_catalog.pg_type AS t WHERE t.oid = {type}
    UNION ALL
    SELECT t.* FROM chain JOIN pg_catalog.pg_type AS t ON t.oid = chain.typbasetype AND chain.typtype = 'd'
)
SELECT m.modifier, format_type({type}, m.modifier), bool_and(c.typtype <> 'p'), bool_or(c.typtype = 'd'),
       bool_or(c.typtype = 'd' AND (c.typnotnull OR c.typdefault IS NOT NULL
                                    OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS o WHERE o.contypid = c.oid))),
       bool_or(c.typnamespace = 'pg_catalog'::regnamespace
               AND (c.typname = 'varchar' OR EXISTS (SELECT FROM pg_catalog.pg_opclass AS o WHERE o.opcintype = c.oid AND o.opcdefault
                                                        AND o.opcmethod = (SELECT m.oid FROM pg_catalog.pg_am AS m WHERE m.amname = 'btree')))),
       bool_or(c.typcollation <> 0), max(c.typcollation::bigint) FILTER (WHERE c.oid = {type}), bool_or(c.typcategory = 'C'),
       ARRAY['TimeZone', current_setting('TimeZone'), 'DateStyle', current_setting('DateStyle'), 'IntervalStyle', current_setting('IntervalStyle')]
  FROM chain AS c
 CROSS JOIN (SELECT CASE WHEN typtype = 'd' THEN -1 ELSE {modifier} END FROM pg_catalog.pg_type WHERE oid = {type}) AS m(modifier)
 GROUP BY m.modifier;
