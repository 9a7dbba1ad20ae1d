-- Tables of the names under which other tools keep what they have run, on the search_path or in schemas of their own,
-- with those of their columns that can be read without running anybody's code: no view, no policy, no type of theirs.
SELECT n.nspname, c.relname,
       ARRAY(SELECT a.attname::text
               FROM pg_catalog.pg_attribute AS a
               JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
              WHERE a.attrelid = c.oid AND a.attnum > 0
                AND NOT a.attisdropped AND a.attgenerated = ''
                AND t.typnamespace = 'pg_catalog'::regnamespace) AS columns
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND NOT c.relrowsecurity
   AND c.relname = ANY ({names}::text[])
   AND (n.nspname = ANY (current_setting('sqlrail.schemas')::name[])
        OR n.nspname = ANY ({schemas}::text[]))
   AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
 ORDER BY n.nspname, c.relname;
