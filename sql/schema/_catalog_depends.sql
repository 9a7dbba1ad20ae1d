-- What depends on what, each by the address that it has above: an index of a constraint is that constraint, a view's rule
-- the view, the type of a table's rows the table, an array its elements' type, what belongs to an extension the extension.
WITH same(class, id, is_class, is_id, is_sub) AS (
    SELECT 'pg_catalog.pg_class'::regclass, d.conindid, d.tableoid, d.oid, 0
      FROM pg_catalog.pg_constraint AS d WHERE d.contype IN ('p', 'u', 'x')
    UNION ALL
    SELECT r.tableoid, r.oid, 'pg_catalog.pg_class'::regclass, r.ev_class, 0
      FROM pg_catalog.pg_rewrite AS r WHERE r.rulename = '_RETURN' AND r.oid >= 16384
    UNION ALL
    SELECT t.tableoid, t.oid, c.tableoid, c.oid, 0
      FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
     WHERE c.relkind <> 'c' AND t.oid >= 16384
    UNION ALL
    SELECT a.tableoid, a.oid, coalesce(c.tableoid, e.tableoid), coalesce(c.oid, e.oid), 0
      FROM pg_catalog.pg_type AS e JOIN pg_catalog.pg_type AS a ON a.oid = e.typarray
      LEFT JOIN pg_catalog.pg_class AS c ON c.oid = e.typrelid AND c.relkind <> 'c'
     WHERE a.oid >= 16384
    UNION ALL
    SELECT e.tableoid, r.rngmultitypid, e.tableoid, e.oid, 0
      FROM pg_catalog.pg_range AS r JOIN pg_catalog.pg_type AS e ON e.oid = r.rngtypid WHERE e.oid >= 16384
    UNION ALL
    SELECT c.tableoid, c.oid, t.tableoid, t.oid, 0
      FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_type AS t ON t.oid = c.reltype WHERE c.relkind = 'c'
    UNION ALL
    SELECT d.tableoid, d.oid, c.tableoid, c.oid, a.attnum
      FROM pg_catalog.pg_attrdef AS d
      JOIN pg_catalog.pg_class AS c ON c.oid = d.adrelid
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = d.adnum AND a.attgenerated <> ''
    UNION ALL
    SELECT d.classid, d.objid, d.refclassid, d.refobjid, 0
      FROM pg_catalog.pg_depend AS d WHERE d.deptype = 'e'
)
SELECT DISTINCT format('%s/%s/%s', coalesce(f.is_class, d.classid), coalesce(f.is_id, d.objid), coalesce(f.is_sub, d.objsubid)),
       format('%s/%s/%s', coalesce(t.is_class, d.refclassid), coalesce(t.is_id, d.refobjid), coalesce(t.is_sub, d.refobjsubid)),
       d.deptype::text
  FROM pg_catalog.pg_depend AS d
  LEFT JOIN same AS f ON f.class = d.classid AND f.id = d.objid AND d.objsubid = 0
  LEFT JOIN same AS t ON t.class = d.refclassid AND t.id = d.refobjid AND d.refobjsubid = 0
 WHERE d.objid >= 16384 AND d.deptype <> 'e'
UNION ALL
SELECT format('link%s/%s/%s/0', i.inhparent, c.tableoid, c.oid), format('%s/%s/0', c.tableoid, i.inhparent), 'n'
  FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
UNION ALL
SELECT format('owner/%s/%s/0', d.classid, d.objid), format('%s/%s/%s', d.refclassid, d.refobjid, d.refobjsubid), 'n'
  FROM pg_catalog.pg_depend AS d
 WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = d.classid AND d.deptype = 'a' AND d.refobjsubid > 0
   AND EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = d.objid AND c.relkind = 'S')
UNION ALL
SELECT format('%s/%s/%s/0', u.what, x.tableoid, i.indrelid),
       coalesce((SELECT format('%s/%s/0', d.tableoid, d.oid) FROM pg_catalog.pg_constraint AS d
                  WHERE d.conindid = i.indexrelid AND d.contype IN ('p', 'u', 'x')), format('%s/%s/0', x.tableoid, x.oid)), 'n'
  FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
 CROSS JOIN LATERAL (VALUES ('replica identity', i.indisreplident), ('cluster', i.indisclustered)) AS u(what, holds)
 WHERE u.holds
UNION ALL
SELECT format('state/%s/%s/0', t.tableoid, t.oid), u.address, 'a'
  FROM pg_catalog.pg_trigger AS t
{first}
  CROSS JOIN LATERAL (
      SELECT format('link%s/%s/%s/0', i.inhparent, 'pg_catalog.pg_class'::regclass::oid, i.inhrelid) FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = t.tgrelid
      UNION ALL SELECT format('%s/%s/0', f.tableoid, f.oid)) AS u(address)
 WHERE NOT t.tgisinternal AND t.tgparentid <> 0
