-- The schemas that extensions of these names have made for themselves.
SELECT n.nspname::text
  FROM pg_catalog.pg_extension AS e
  JOIN pg_catalog.pg_depend AS d ON d.refclassid = e.tableoid AND d.refobjid = e.oid AND d.deptype = 'e'
  JOIN pg_catalog.pg_namespace AS n ON n.tableoid = d.classid AND n.oid = d.objid
 WHERE e.extname::text = ANY ({names}::text[]);
