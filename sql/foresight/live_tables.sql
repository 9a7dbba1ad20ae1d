-- Of the live tables of these names: columns, primary key, what is below them, and whether their rows may be read and seen. And
-- whether objects of these names belong to an extension.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
{limits}
SET LOCAL search_path = pg_catalog;
SET LOCAL jit = off;
SELECT w.number::int, jsonb_build_object(
    'oid', c.oid::bigint, 'schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
    'columns', (SELECT coalesce(jsonb_object_agg(a.attname, format_type(a.atttypid, a.atttypmod)), '{{}}') FROM pg_attribute AS a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'key', (SELECT coalesce(jsonb_agg(a.attname ORDER BY k.number), '[]')
              FROM pg_constraint AS p
             CROSS JOIN unnest(p.conkey) WITH ORDINALITY AS k(attnum, number)
              JOIN pg_attribute AS a ON a.attrelid = p.conrelid AND a.attnum = k.attnum
             WHERE p.conrelid = c.oid AND p.contype = 'p'),
    'children', (WITH RECURSIVE below AS (
                     SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = c.oid
                     UNION
                     SELECT i.inhrelid FROM below JOIN pg_inherits AS i ON i.inhparent = below.inhrelid
                 )
                 SELECT coalesce(jsonb_agg(jsonb_build_array(s.nspname, b.relname) ORDER BY b.oid), '[]')
                   FROM below JOIN pg_class AS b ON b.oid = below.inhrelid JOIN pg_namespace AS s ON s.oid = b.relnamespace
                  WHERE b.relkind = 'r'),
    -- A row with a long value has it in the table's other file, where the column does not refuse that.
    'is_wide', coalesce(pg_relation_size(nullif(c.reltoastrelid, 0::oid)), 0) > 0 OR EXISTS (
        SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attlen = -1 AND a.attstorage IN ('p', 'm')),
    'pages', pg_relation_size(c.oid) / current_setting('block_size')::int,
    'can_read', has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'),
    'is_hidden', row_security_active(c.oid)
) AS said
  FROM unnest({schemas}::text[], {names}::text[]) WITH ORDINALITY AS w(schema, name, number)
  JOIN pg_namespace AS n ON n.nspname = w.schema
  JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name
UNION ALL
SELECT 0, jsonb_build_object('object', o.name, 'extension', EXISTS (
    SELECT FROM pg_depend AS d
     WHERE d.deptype = 'e' AND d.classid = o.catalog::regclass
       AND (pg_identify_object(d.classid, d.objid, d.objsubid)).identity = o.name))
  FROM unnest({catalogs}::text[], {objects}::text[]) AS o(catalog, name);
COMMIT;
