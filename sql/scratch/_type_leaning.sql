-- What that is, see _type_leans.sql. An expression.
(SELECT coalesce(jsonb_agg(jsonb_build_object(
            'catalog', 'pg_type', 'oid', t.oid::bigint, 'name', format_type(t.oid, NULL), 'kind', t.typtype, 'state', {state},
            'labels', (SELECT coalesce(jsonb_agg(e.enumlabel ORDER BY e.enumsortorder), '[]') FROM pg_enum AS e WHERE e.enumtypid = t.oid),
            'extension', EXISTS (SELECT FROM pg_depend AS e
                                  WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid AND e.deptype = 'e'))), '[]')
   FROM pg_type AS t
   JOIN pg_type AS own ON own.oid = a.atttypid
  WHERE t.oid >= 16384::oid
    AND t.oid = ANY (ARRAY[basic.oid, CASE WHEN own.typcategory = 'A' THEN own.typelem ELSE own.oid END]))
