-- The schema of pg_stat_statements' view in this database; no row where there is no such extension.
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
{limits}
SET LOCAL search_path = pg_catalog;
SELECT n.nspname::text
  FROM pg_extension AS e
  JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
  JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid AND c.relname = 'pg_stat_statements'
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE e.extname = 'pg_stat_statements';
COMMIT;
