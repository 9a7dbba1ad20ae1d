-- The sequences that number the rows of these tables: their own, and those that a column's default names.
WITH tables AS (
    SELECT unnest({tables}::oid[]) AS oid
    UNION
    SELECT pg_partition_ancestors(t)::oid FROM unnest({tables}::oid[]) AS t
)
SELECT DISTINCT n.nspname::text, s.relname::text
  FROM tables AS t
  LEFT JOIN pg_attrdef AS a ON a.adrelid = t.oid
  JOIN pg_depend AS d ON d.refobjid = t.oid AND d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_class'::regclass
                         AND d.deptype IN ('a', 'i')
                      OR d.objid = a.oid AND d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
  JOIN pg_class AS s ON s.oid IN (d.objid, d.refobjid) AND s.relkind = 'S'
  JOIN pg_namespace AS n ON n.oid = s.relnamespace
 ORDER BY 1, 2;
