-- Domains and their checks.
SELECT format('%s/%s/0', x.tableoid, x.oid), 'domain', n.nspname::text, NULL, k.name, k.name, 'DOMAIN ' || k.name,
       concat_ws(' ', format('CREATE DOMAIN %s AS %s', k.name, k.type), 'DEFAULT ' || x.typdefault,
                 CASE WHEN x.typnotnull THEN concat('CONSTRAINT ' || k.unusual || ' ', 'NOT NULL') END),
       NULL, NULL, NULL, 'ALTER DOMAIN ' || k.name || ' RENAME TO', quote_ident(left(x.typname, 15) || '_' || x.oid), false, false,
       json_build_array(
           json_build_array('type', k.type, NULL, NULL),
           json_build_array('default', x.typdefault{so},
               format('ALTER DOMAIN %s %s', k.name, coalesce('SET DEFAULT ' || x.typdefault, 'DROP DEFAULT')), NULL{end}),
           json_build_array('nullable', CASE WHEN x.typnotnull THEN 'not null' ELSE 'nullable' END{so},
               CASE WHEN k.unusual IS NOT NULL THEN format('ALTER DOMAIN %s ADD CONSTRAINT %s NOT NULL', k.name, k.unusual)
                    ELSE format('ALTER DOMAIN %s %s NOT NULL', k.name, CASE WHEN x.typnotnull THEN 'SET' ELSE 'DROP' END) END, NULL{end}),
           -- Since 18 that is a constraint.
           CASE WHEN o.conname IS NOT NULL THEN json_build_array('not null name', quote_ident(o.conname){so},
               format('ALTER DOMAIN %s RENAME CONSTRAINT %I TO', k.name, o.conname), NULL{end}) END)
  FROM pg_catalog.pg_type AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.typnamespace
  JOIN pg_catalog.pg_type AS b ON b.oid = x.typbasetype
  LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = x.typcollation AND x.typcollation <> b.typcollation
  LEFT JOIN pg_catalog.pg_namespace AS ln ON ln.oid = l.collnamespace
  LEFT JOIN pg_catalog.pg_constraint AS o ON o.contypid = x.oid AND o.contype = 'n'
  CROSS JOIN LATERAL (
      SELECT format('%I.%I', n.nspname, x.typname) AS name,
             CASE WHEN o.conname <> left(concat(x.typname, '_not_null'), 63) THEN quote_ident(o.conname) END AS unusual,
             concat_ws(' COLLATE ', format_type(x.typbasetype, x.typtypmod),
                       CASE WHEN l.oid <> 0 THEN format('%I.%I', ln.nspname, l.collname) END) AS type) AS k
 WHERE x.typtype = 'd' AND {ours}
UNION ALL
SELECT format('%s/%s/0', d.tableoid, d.oid), 'domain constraint', n.nspname::text, k.type, k.type || '.' || k.name,
       'constraint ' || k.name, format('CONSTRAINT %s ON DOMAIN %s', k.name, k.type),
       format('ALTER DOMAIN %s ADD CONSTRAINT %s %s', k.type, k.name, pg_get_constraintdef(d.oid)),
       CASE WHEN d.convalidated THEN format('CONSTRAINT %s %s', k.name, pg_get_constraintdef(d.oid)) END, NULL,
       format('ALTER DOMAIN %s DROP CONSTRAINT %s', k.type, k.name),
       format('ALTER DOMAIN %s RENAME CONSTRAINT %s TO', k.type, k.name), k.name, false, false,
       json_build_array(json_build_array(NULL, pg_get_constraintdef(d.oid), NULL, NULL))
  FROM pg_catalog.pg_constraint AS d
  JOIN pg_catalog.pg_type AS x ON x.oid = d.contypid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.typnamespace
  CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, x.typname) AS type, quote_ident(d.conname) AS name) AS k
 WHERE d.contype = 'c' AND {ours}
