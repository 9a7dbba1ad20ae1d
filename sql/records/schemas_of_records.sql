-- Where there are records: every schema with a table of them that this role may read, how it stands in the search_path
-- (NULL: not at all), and whether nothing is in the schema that a run would write to.
SELECT n.nspname::text AS schema, array_position(current_setting('sqlrail.schemas')::name[], n.nspname) AS place,
       NOT EXISTS (SELECT FROM pg_catalog.pg_class AS x JOIN pg_catalog.pg_namespace AS o ON o.oid = x.relnamespace
                    WHERE o.nspname = (current_setting('sqlrail.schemas')::name[])[1]) AS target_is_empty
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relname = '_yoyo_migration' AND c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'
   AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
 ORDER BY place, schema;
