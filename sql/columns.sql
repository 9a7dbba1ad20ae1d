-- Every column of every table that is not PostgreSQL's, an extension's, yoyo's or ours. The empty search_path makes
-- names of types the same wherever they are asked for: qualified, unless they are PostgreSQL's own.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL search_path = '';
SELECT format('%I.%I', n.nspname, c.relname) AS table, quote_ident(a.attname) AS column,
       format_type(a.atttypid, a.atttypmod) AS type
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  -- A table may have no column.
  LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relkind IN ('r', 'p', 'f')
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'sqlrail')
   AND c.relname NOT IN ('_yoyo_migration', '_yoyo_log', '_yoyo_version', 'yoyo_lock')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY 1, a.attnum;
COMMIT;
