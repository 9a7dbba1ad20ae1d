-- The schemas that names without one are looked up in, and those of them that are not PostgreSQL's own.
SELECT current_schemas(false)::text[] AS path,
       ARRAY(SELECT s FROM unnest(current_schemas(false)::text[]) AS s WHERE s !~ '^pg_' AND s <> 'information_schema')
