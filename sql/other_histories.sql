-- Tables of the names under which other tools keep what they have run, on the search_path or in schemas of their own,
-- with those of their columns that can be read without running anybody's code: no view, no policy, no type of theirs.
SELECT n.nspname, c.relname,
       ARRAY(SELECT a.attname::pg_catalog.text
               FROM pg_catalog.pg_attribute AS a
               JOIN pg_catalog.pg_type AS t ON t.oid OPERATOR(pg_catalog.=) a.atttypid
              WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0
                AND NOT a.attisdropped AND a.attgenerated OPERATOR(pg_catalog.=) ''
                AND t.typnamespace OPERATOR(pg_catalog.=) 'pg_catalog'::pg_catalog.regnamespace) AS columns
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
 WHERE c.relkind OPERATOR(pg_catalog.=) 'r' AND NOT c.relrowsecurity
   AND c.relname OPERATOR(pg_catalog.=) ANY ({names}::pg_catalog.text[])
   AND (n.nspname OPERATOR(pg_catalog.=) ANY (pg_catalog.current_schemas(false))
        OR n.nspname OPERATOR(pg_catalog.=) ANY ({schemas}::pg_catalog.text[]))
   AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
 ORDER BY n.nspname, c.relname;
