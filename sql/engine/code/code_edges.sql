-- What each thing that a code file has made leans on by itself, where PostgreSQL refuses to change or drop that for its sake: the
-- code file, names in lower case by which a statement may name it (an ancestor's and its type's too), all columns of a relation, the
-- column, and whether it is the thing's own table. A view leans by its rule.
WITH parts(name, class, id, own) AS (
    SELECT r.name, o.class, o.id, coalesce(t.tgrelid, p.polrelid, 0::oid)
      FROM sqlrail.code AS r
      JOIN ({code_objects}) AS o ON o.kind = r.kind AND o.identity = r.identity
      LEFT JOIN pg_catalog.pg_trigger AS t ON t.tableoid = o.class AND t.oid = o.id
      LEFT JOIN pg_catalog.pg_policy AS p ON p.tableoid = o.class AND p.oid = o.id
     WHERE r.records_in = {records_in}
), wholes(name, class, id, own) AS (
    SELECT p.name, p.class, p.id, p.own FROM parts AS p
     UNION ALL
    SELECT p.name, r.tableoid, r.oid, p.own
      FROM parts AS p
      JOIN pg_catalog.pg_class AS c ON c.tableoid = p.class AND c.oid = p.id
      JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = c.oid AND r.rulename = '_RETURN'
)
SELECT DISTINCT w.name,
       ARRAY(SELECT lower(n.name)
               FROM (SELECT c.relname
                       FROM (WITH RECURSIVE above(id) AS (
                                 SELECT d.refobjid WHERE d.refclassid = 'pg_class'::regclass
                                  UNION
                                 SELECT i.inhparent FROM above AS a JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = a.id)
                             SELECT a.id FROM above AS a) AS a
                       JOIN pg_catalog.pg_class AS c ON c.oid = a.id
                      UNION ALL
                     SELECT t.typname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_type AS t ON t.oid = c.reloftype
                      WHERE d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid
                      UNION ALL
                     SELECT unnest(ARRAY[t.typname, e.typname])
                       FROM pg_catalog.pg_type AS t LEFT JOIN pg_catalog.pg_type AS e ON e.oid = t.typelem
                      WHERE d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid
                      UNION ALL
                     SELECT p.proname FROM pg_catalog.pg_proc AS p
                      WHERE d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid
                      UNION ALL
                     SELECT k.conname FROM pg_catalog.pg_constraint AS k
                      WHERE d.refclassid = 'pg_constraint'::regclass AND k.oid = d.refobjid
                      UNION ALL
                     SELECT trim('"' FROM i.name)::name FROM pg_identify_object(d.refclassid, d.refobjid, 0) AS i
                      WHERE d.refclassid NOT IN ('pg_class'::regclass, 'pg_type'::regclass, 'pg_proc'::regclass,
                                                 'pg_constraint'::regclass)) AS n(name)
              WHERE n.name IS NOT NULL) AS names,
       ARRAY(SELECT lower(a.attname) FROM pg_catalog.pg_attribute AS a
              WHERE d.refclassid = 'pg_class'::regclass AND a.attrelid = d.refobjid AND a.attnum > 0
                AND NOT a.attisdropped) AS columns,
       (SELECT lower(a.attname) FROM pg_catalog.pg_attribute AS a
         WHERE d.refclassid = 'pg_class'::regclass AND a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
           AND d.refobjsubid > 0) AS column,
       d.refobjid = w.own AS is_own
  FROM wholes AS w
  JOIN pg_catalog.pg_depend AS d ON d.classid = w.class AND d.objid = w.id AND d.deptype = 'n'
 WHERE (d.refclassid, d.refobjid) <> (w.class, w.id);
