-- Constraints that hold for new rows only. One that is NOT ENFORCED cannot be validated, and a partition's is its root's. A
-- temporal key (PERIOD) is no relation of a cleanup's: its parents may be several rows, which have to cover the child's period.
SELECT k.name, format('constraint %I', d.conname),
       CASE WHEN k.is_temporal THEN 'it is not valid: rows that were there before it may have no parent for all of their period'
            WHEN k.is_relation THEN 'it is not valid: rows that were there before it may have no parent'
            ELSE format('it is not valid: rows that were there before it may break %s', k.definition) END,
       -- Whether rows may go is for people to say.
       CASE d.contype
           WHEN 'c' THEN format('a migration archives and deletes them with `-- cleanup: %s check %I delete`', k.name, d.conname)
           WHEN 'n' THEN (SELECT format('a migration archives them, and deletes or sets them, with `-- cleanup: %s.%I not null '
                                        'delete` or `set VALUE`', k.name, a.attname)
                            FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = d.conrelid AND a.attnum = d.conkey[1]) END,
       CASE WHEN k.is_relation THEN k.mends END, CASE WHEN NOT k.is_relation THEN k.mends END,
       CASE WHEN k.is_relation THEN jsonb_build_array(
           jsonb_build_array(n.nspname, x.relname),
           (SELECT jsonb_agg(a.attname ORDER BY c.n)
              FROM unnest(d.conkey) WITH ORDINALITY AS c(attnum, n)
              JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.conrelid AND a.attnum = c.attnum),
           jsonb_build_array(pn.nspname, p.relname),
           (SELECT jsonb_agg(a.attname ORDER BY c.n)
              FROM unnest(d.confkey) WITH ORDINALITY AS c(attnum, n)
              JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.confrelid AND a.attnum = c.attnum)) END,
       CASE d.contype
           WHEN 'f' THEN CASE WHEN k.is_temporal THEN (
               SELECT format('FROM %s%s AS c WHERE %s AND NOT coalesce((SELECT pg_catalog.range_agg(p.%I) FROM %s%I.%I AS p '
                             'WHERE %s p.%I OPERATOR(pg_catalog.&&) c.%I) OPERATOR(pg_catalog.@>) c.%I, false)',
                             CASE x.relkind WHEN 'r' THEN 'ONLY ' END, k.name, string_agg(format('c.%I IS NOT NULL', a.attname), ' AND ' ORDER BY c.n),
                             max(r.attname) FILTER (WHERE c.is_period), CASE p.relkind WHEN 'r' THEN 'ONLY ' END, pn.nspname, p.relname,
                             string_agg(format('p.%I OPERATOR(%I.%s) c.%I AND', r.attname, o.nspname, o.oprname, a.attname), ' ' ORDER BY c.n)
                                 FILTER (WHERE NOT c.is_period),
                             max(r.attname) FILTER (WHERE c.is_period), max(a.attname) FILTER (WHERE c.is_period),
                             max(a.attname) FILTER (WHERE c.is_period))
                 FROM (SELECT *, u.n = cardinality(d.conkey) AS is_period
                         FROM unnest(d.conkey, d.confkey, d.conpfeqop) WITH ORDINALITY AS u(own, referred, operator, n)) AS c
                 JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.conrelid AND a.attnum = c.own
                 JOIN pg_catalog.pg_attribute AS r ON r.attrelid = d.confrelid AND r.attnum = c.referred
                 JOIN (SELECT q.oid, q.oprname, qn.nspname FROM pg_catalog.pg_operator AS q
                         JOIN pg_catalog.pg_namespace AS qn ON qn.oid = q.oprnamespace) AS o ON o.oid = c.operator) END
           WHEN 'c' THEN format('FROM %s%s WHERE NOT (%s)',
                                CASE WHEN d.connoinherit AND x.relkind = 'r' THEN 'ONLY ' ELSE '' END, k.name, pg_get_expr(d.conbin, d.conrelid))
           WHEN 'n' THEN (SELECT format('FROM %s WHERE %I IS NULL', k.name, a.attname)
                            FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = d.conrelid AND a.attnum = d.conkey[1]) END
  FROM pg_catalog.pg_constraint AS d
  JOIN pg_catalog.pg_class AS x ON x.oid = d.conrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
  LEFT JOIN pg_catalog.pg_class AS p ON p.oid = d.confrelid
  LEFT JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.relnamespace
 CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, x.relname) AS name,
                            regexp_replace(pg_get_constraintdef(d.oid), ' NOT VALID$', '') AS definition,
                            ARRAY[format('ALTER TABLE %I.%I VALIDATE CONSTRAINT %I', n.nspname, x.relname, d.conname)] AS mends,
                            d.contype = 'f' AND t.is_temporal AS is_temporal, d.contype = 'f' AND NOT t.is_temporal AS is_relation
                       FROM (SELECT coalesce((to_jsonb(d)->>'conperiod')::boolean, false) AS is_temporal) AS t) AS k
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
