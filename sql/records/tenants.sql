-- Which of these schemas there are for the role, and which of yoyo's tables in each it may read; they are found by their
-- schema, never through a search_path.
SELECT t.name, n.oid IS NOT NULL AND has_schema_privilege(n.oid, 'USAGE') AS is_there,
       coalesce(its.tables, '{{}}') AS tables, coalesce(its.readable, '{{}}') AS readable
  FROM unnest({names}::text[]) AS t(name)
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname::text = t.name
 CROSS JOIN LATERAL (SELECT array_agg(c.relname::text) AS tables,
                            array_agg(c.relname::text) FILTER (WHERE c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'SELECT'))
                                AS readable
                       FROM pg_catalog.pg_class AS c
                      WHERE c.relnamespace = n.oid AND c.relname = ANY ({tables}::name[])) AS its;
