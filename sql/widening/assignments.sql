-- How values of types become those of another where they are assigned to it, as find_coercion_pathway() of PostgreSQL's
-- parse_coerce.c finds it: the type's number; how (b: they are the same on disk, f: by a function, i: by their text;
-- null: not without being told); whether that follows from settings; whether values that are equal become such, for
-- they are the same, as btree's deduplication asks it, or stay what they are.
WITH RECURSIVE based(given, oid) AS (
    SELECT DISTINCT o, o FROM unnest({types}::oid[] || {target}::oid) AS o
    UNION ALL
    SELECT b.given, t.typbasetype FROM based AS b JOIN pg_catalog.pg_type AS t ON t.oid = b.oid WHERE t.typtype = 'd'
), plain AS (
    SELECT b.given, t.oid, t.typtype, t.typcategory, t.typoutput, t.typinput, CASE t.typcategory WHEN 'A' THEN t.typelem ELSE 0 END AS element
      FROM based AS b JOIN pg_catalog.pg_type AS t ON t.oid = b.oid
     WHERE t.typtype <> 'd'
)
SELECT s.given, way.found,
       CASE way.found WHEN 'b' THEN false
                      WHEN 'f' THEN EXISTS (SELECT FROM pg_catalog.pg_proc AS p WHERE p.oid = c.castfunc AND p.provolatile <> 'i')
                      ELSE EXISTS (SELECT FROM pg_catalog.pg_proc AS p WHERE p.oid IN (s.typoutput, t.typinput) AND p.provolatile <> 'i') END,
       s.oid = t.oid
       OR EXISTS (SELECT FROM pg_catalog.pg_opclass AS o
                    JOIN pg_catalog.pg_am AS m ON m.oid = o.opcmethod AND m.amname = 'btree'
                    JOIN pg_catalog.pg_amproc AS e ON e.amprocfamily = o.opcfamily AND e.amproclefttype = o.opcintype AND e.amprocnum = 4
                   WHERE o.opcdefault AND o.opcintype = CASE WHEN s.oid = 'varchar'::regtype THEN 'text'::regtype
                                                             WHEN s.typtype = 'e' THEN 'anyenum'::regtype ELSE s.oid END)
  FROM plain AS s
  JOIN plain AS t ON t.given = {target}
  LEFT JOIN LATERAL (
      SELECT c.castmethod, c.castcontext, c.castfunc FROM pg_catalog.pg_cast AS c
       WHERE (c.castsource, c.casttarget) IN ((s.oid, t.oid), (nullif(s.element, 0), nullif(t.element, 0)))
       ORDER BY c.castsource = s.oid DESC LIMIT 1) AS c ON true
 CROSS JOIN LATERAL (
     SELECT CASE WHEN s.oid = t.oid THEN 'b'
                 WHEN c.castcontext IN ('a', 'i') THEN c.castmethod
                 WHEN c.castcontext IS NULL
                      AND (t.typcategory = 'S' OR s.element <> 0 AND (SELECT e.typcategory FROM pg_catalog.pg_type AS e
                                                                       WHERE e.oid = t.element) = 'S') THEN 'i' END::text OFFSET 0) AS way(found)
 WHERE s.given = ANY ({types}::oid[]);
