-- What goes with things that are spared ('kept'), what they cannot be without ('needed'), and what cannot be without them
-- ('leaning'). Of each with all that it is a part of, as a column's default is of its table; and of what a publication
-- has of a table nothing, for that goes with the publication.
WITH RECURSIVE named AS (
    SELECT s.class, s.id FROM unnest({classes}::pg_catalog.oid[], {ids}::pg_catalog.oid[]) AS s(class, id)
), links AS MATERIALIZED (
    SELECT * FROM pg_catalog.pg_depend AS d
     WHERE d.refclassid <> 'pg_catalog.pg_namespace'::pg_catalog.regclass
       AND d.classid <> 'pg_catalog.pg_publication_rel'::pg_catalog.regclass
), kept AS (
    SELECT class, id FROM named
    UNION
    SELECT d.classid, d.objid FROM kept AS k JOIN links AS d ON d.refclassid = k.class AND d.refobjid = k.id
     WHERE d.deptype <> 'n'
), others AS (
    SELECT 'needed' AS what, d.refclassid AS class, d.refobjid AS id
      FROM kept AS k JOIN links AS d ON d.classid = k.class AND d.objid = k.id
    UNION
    SELECT 'leaning', d.classid, d.objid
      FROM kept AS k JOIN links AS d ON d.refclassid = k.class AND d.refobjid = k.id
), wholes AS (
    SELECT what, class, id FROM others AS o
     WHERE NOT EXISTS (SELECT FROM kept AS k WHERE k.class = o.class AND k.id = o.id)
    UNION
    SELECT w.what, d.refclassid, d.refobjid FROM wholes AS w JOIN links AS d ON d.classid = w.class AND d.objid = w.id
     WHERE d.deptype <> 'n'
)
SELECT 'kept', class, id FROM kept
UNION ALL
SELECT w.what, w.class, w.id FROM wholes AS w
 WHERE NOT EXISTS (SELECT FROM kept AS k WHERE k.class = w.class AND k.id = w.id);
