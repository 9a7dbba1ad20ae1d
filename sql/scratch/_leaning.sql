-- What that is, see _leans.sql. An expression.
(SELECT coalesce(jsonb_agg(jsonb_build_object(
            'catalog', lean.catalog::regclass::text, 'oid', lean.oid::bigint, 'name', it.identity, 'kind', t.typtype,
            'state', CASE WHEN t.oid IS NOT NULL THEN {state} END,
            'labels', (SELECT coalesce(jsonb_agg(e.enumlabel ORDER BY e.enumsortorder), '[]') FROM pg_enum AS e WHERE e.enumtypid = t.oid),
            'extension', EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = lean.catalog AND e.objid = lean.oid AND e.deptype = 'e')
        ) ORDER BY it.identity), '[]')
   FROM (SELECT its.refclassid AS catalog, its.refobjid AS oid FROM pg_depend AS its
          WHERE its.classid = {catalog}::regclass AND its.objid = {object}
            -- a domain does not lean on itself because its check belongs to it
            AND NOT (its.refclassid = 'pg_type'::regclass AND its.deptype = 'a')
          UNION
         SELECT below.refclassid, below.refobjid FROM pg_depend AS its
           JOIN pg_constraint AS of_domain ON of_domain.contypid = its.refobjid
           JOIN pg_depend AS below ON below.classid = 'pg_constraint'::regclass AND below.objid = of_domain.oid
          WHERE its.classid = {catalog}::regclass AND its.objid = {object} AND its.refclassid = 'pg_type'::regclass AND its.deptype <> 'a'
            AND below.deptype <> 'a'
        ) AS lean
  CROSS JOIN LATERAL pg_identify_object(lean.catalog, lean.oid, 0) AS it
   LEFT JOIN pg_type AS t ON lean.catalog = 'pg_type'::regclass AND t.oid = lean.oid
  WHERE lean.oid >= 16384::oid
    AND lean.catalog IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass, 'pg_opclass'::regclass,
                         'pg_opfamily'::regclass, 'pg_cast'::regclass))
