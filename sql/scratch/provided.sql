-- What whoever provided this database may have put into it before the first file: schemas, and extensions with theirs.
SELECT 'schema' AS kind, n.nspname::text AS name, NULL::text AS schema
  FROM pg_catalog.pg_namespace AS n
 WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'public', 'sqlrail')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = n.tableoid AND d.objid = n.oid AND d.deptype = 'e')
UNION ALL
SELECT 'extension', e.extname::text, n.nspname::text
  FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
 WHERE e.extname <> 'plpgsql'
 ORDER BY kind DESC, name;
