-- Constraints that hold for new rows only. One that is NOT ENFORCED cannot be validated, and a partition's is its root's.
SELECT k.name, format('constraint %I', d.conname),
       CASE d.contype WHEN 'f' THEN 'it is not valid: rows that were there before it may have no parent'
                      ELSE format('it is not valid: rows that were there before it may break %s', k.definition) END,
       NULL, CASE d.contype WHEN 'f' THEN k.mends END, CASE WHEN d.contype <> 'f' THEN k.mends END,
       CASE WHEN d.contype = 'f' AND NOT coalesce((to_jsonb(d)->>'conperiod')::boolean, false) THEN jsonb_build_array(
           jsonb_build_array(n.nspname, x.relname),
           (SELECT jsonb_agg(a.attname ORDER BY c.n)
              FROM unnest(d.conkey) WITH ORDINALITY AS c(attnum, n)
              JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.conrelid AND a.attnum = c.attnum),
           jsonb_build_array(pn.nspname, p.relname),
           (SELECT jsonb_agg(a.attname ORDER BY c.n)
              FROM unnest(d.confkey) WITH ORDINALITY AS c(attnum, n)
              JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.confrelid AND a.attnum = c.attnum)) END,
       CASE d.contype
           WHEN 'c' THEN format('SELECT count(*) FROM %s%s WHERE NOT (%s)',
                                CASE WHEN d.connoinherit AND x.relkind = 'r' THEN 'ONLY ' ELSE '' END, k.name, pg_get_expr(d.conbin, d.conrelid))
           WHEN 'n' THEN (SELECT format('SELECT count(*) FROM %s WHERE %I IS NULL', k.name, a.attname)
                            FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = d.conrelid AND a.attnum = d.conkey[1]) END
  FROM pg_catalog.pg_constraint AS d
  JOIN pg_catalog.pg_class AS x ON x.oid = d.conrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
  LEFT JOIN pg_catalog.pg_class AS p ON p.oid = d.confrelid
  LEFT JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.relnamespace
 CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, x.relname) AS name,
                            regexp_replace(pg_get_constraintdef(d.oid), ' NOT VALID$', '') AS definition,
                            ARRAY[format('ALTER TABLE %I.%I VALIDATE CONSTRAINT %I', n.nspname, x.relname, d.conname)] AS mends) AS k
 WHERE d.contype IN ('c', 'f', 'n') AND NOT d.convalidated AND d.conparentid = 0 AND d.coninhcount = 0
   AND coalesce((to_jsonb(d)->>'conenforced')::boolean, true) AND {tables}
UNION ALL
SELECT format('%I.%I', n.nspname, x.typname), format('constraint %I', d.conname),
       format('it is not valid: values that were there before it may break %s', regexp_replace(pg_get_constraintdef(d.oid), ' NOT VALID$', '')),
       NULL, NULL, ARRAY[format('ALTER DOMAIN %I.%I VALIDATE CONSTRAINT %I', n.nspname, x.typname, d.conname)], NULL, NULL
  FROM pg_catalog.pg_constraint AS d
  JOIN pg_catalog.pg_type AS x ON x.oid = d.contypid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.typnamespace
 WHERE NOT d.convalidated AND {ours}
 ORDER BY 1, 2;
