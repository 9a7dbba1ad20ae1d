-- Which of these schemas there are for the role, and which of yoyo's tables in each it may read; they are found by their
-- schema, never through a search_path.
SELECT t.name, n.oid IS NOT NULL AND has_schema_privilege(n.oid, 'USAGE') AS is_there,
       ARRAY(SELECT c.relname::text FROM pg_catalog.pg_class AS c
              WHERE c.relnamespace = n.oid AND c.relname = ANY ({tables}::name[])) AS tables,
       ARRAY(SELECT c.relname::text FROM pg_catalog.pg_class AS c
              WHERE c.relnamespace = n.oid AND c.relname = ANY ({tables}::name[])
                AND c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'SELECT')) AS readable
  FROM unnest({names}::text[]) AS t(name)
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname::text = t.name;
