-- What leans on some objects, and what leans on that, one row for each thing that it leans on: class, id, the same of what it leans
-- on, whether it is a part of that (its type, say), its kind, its name, and its description. A view's rule is the view.
WITH RECURSIVE leaning(class, id, on_class, on_id, is_part) AS (
    SELECT r.class::oid, r.id::oid, 0::oid, 0::oid, false
      FROM unnest({classes}::bigint[], {ids}::bigint[]) AS r(class, id)
    UNION
    SELECT coalesce(w.is_class, d.classid), coalesce(w.is_id, d.objid), l.class, l.id, d.deptype = 'i'
      FROM leaning AS l
      JOIN pg_catalog.pg_depend AS d ON d.refclassid = l.class AND d.refobjid = l.id AND d.deptype IN ('n', 'a', 'i')
      LEFT JOIN LATERAL (
           SELECT c.tableoid AS is_class, c.oid AS is_id
             FROM pg_catalog.pg_rewrite AS r JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class AND c.relkind IN ('v', 'm')
            WHERE d.classid = r.tableoid AND r.oid = d.objid AND r.rulename = '_RETURN') AS w ON true
     WHERE (coalesce(w.is_class, d.classid), coalesce(w.is_id, d.objid)) <> (l.class, l.id)
)
SELECT l.class::bigint, l.id::bigint, l.on_class::bigint, l.on_id::bigint, l.is_part, i.type, i.identity,
       pg_describe_object(l.class, l.id, 0)
  FROM leaning AS l
 CROSS JOIN LATERAL pg_identify_object(l.class, l.id, 0) AS i;
