-- The same of a column a: its type, or that of its array's elements. An expression. A type of PostgreSQL's own leans on
-- nothing: to look for it would read all types, of which each table makes two.
CASE WHEN a.atttypid < 16384::oid THEN '[]' ELSE
(SELECT coalesce(jsonb_agg(jsonb_build_object(
            'catalog', 'pg_type', 'oid', t.oid::bigint, 'name', format_type(t.oid, NULL), 'kind', t.typtype, 'state', {state},
            'labels', (SELECT coalesce(jsonb_agg(e.enumlabel ORDER BY e.enumsortorder), '[]') FROM pg_enum AS e WHERE e.enumtypid = t.oid),
            'extension', EXISTS (SELECT FROM pg_depend AS e
                                  WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid AND e.deptype = 'e'))), '[]')
   FROM pg_type AS t
   JOIN pg_type AS own ON own.oid = a.atttypid
  WHERE t.oid >= 16384::oid
    AND t.oid = ANY (ARRAY[basic.oid, CASE WHEN own.typcategory = 'A' THEN own.typelem ELSE own.oid END])) END
