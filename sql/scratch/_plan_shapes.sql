-- What tables look like: columns by number, constraints and indexes by oid, partition bounds; a table that is not there gives
-- no row. What leans on others than PostgreSQL's own may be null, where that is asked for by itself. Behind ours.sql, so that expressions name with their schema whatever is not PostgreSQL's own. A query.
SELECT t.oid::bigint, jsonb_build_object(
    'schema', n.nspname, 'name', t.relname, 'kind', t.relkind,
    'bound', pg_get_partition_constraintdef(t.oid),
    'is_default', EXISTS (SELECT FROM pg_partitioned_table AS whole WHERE whole.partdefid = t.oid),
    'parents', (SELECT coalesce(jsonb_agg(i.inhparent::bigint ORDER BY i.inhseqno), '[]') FROM pg_inherits AS i WHERE i.inhrelid = t.oid),
    'fires', t.relhasrules OR EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = t.oid AND NOT g.tgisinternal AND g.tgenabled <> 'D'),
    -- before a row is inserted: bits 0, 1 and 2 are ROW, BEFORE and INSERT
    'fills', t.relhasrules OR EXISTS (
        SELECT FROM pg_trigger AS g
         WHERE g.tgrelid = t.oid AND NOT g.tgisinternal AND g.tgenabled <> 'D' AND g.tgtype::int & 7 = 7),
    'columns', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'number', a.attnum, 'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
                   'type_oid', a.atttypid::bigint, 'modifier', a.atttypmod, 'kind', y.typtype, 'base', basic.oid::bigint,
                   'collation', CASE WHEN a.attcollation NOT IN (0::oid, 'pg_catalog."default"'::regcollation)
                                     THEN a.attcollation::regcollation::text END,
                   'not_null', a.attnotnull AND NOT EXISTS (
                       SELECT FROM pg_constraint AS k
                        WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey[1] = a.attnum AND NOT k.convalidated),
                   'default', pg_get_expr(d.adbin, d.adrelid), 'generated', a.attgenerated, 'identity', a.attidentity,
                   'leans', CASE WHEN d.oid IS NULL THEN '[]'::jsonb ELSE {of_default} END || {of_type},
                   'domains', CASE WHEN y.typtype <> 'd' THEN '[]' ELSE (
                       WITH RECURSIVE below AS (
                           SELECT y.oid, y.typbasetype, y.typnotnull, y.typtype
                            UNION ALL
                           SELECT b.oid, b.typbasetype, b.typnotnull, b.typtype
                             FROM below JOIN pg_type AS b ON below.typtype = 'd' AND b.oid = below.typbasetype
                       )
                       SELECT coalesce(jsonb_agg(jsonb_build_object(
                                  'oid', k.oid::bigint, 'name', k.conname, 'domain', format_type(below.oid, NULL), 'leans', {of_check},
                                  'expression', pg_get_expr(k.conbin, 0), 'validated', k.convalidated) ORDER BY k.oid), '[]')
                         FROM below JOIN pg_constraint AS k ON k.contypid = below.oid AND k.contype = 'c') END,
                   'domain_not_null', y.typtype = 'd' AND y.typnotnull
               ) ORDER BY a.attnum), '[]')
          FROM pg_attribute AS a
          JOIN pg_type AS y ON y.oid = a.atttypid
         CROSS JOIN LATERAL (
            -- Recursion is for domains alone: of each column it would take longer than all the rest.
            SELECT CASE WHEN y.typtype <> 'd' THEN y.oid ELSE (
                WITH RECURSIVE below AS (
                    SELECT y.oid, y.typbasetype, y.typtype
                     UNION ALL
                    SELECT b.oid, b.typbasetype, b.typtype FROM below JOIN pg_type AS b ON below.typtype = 'd' AND b.oid = below.typbasetype
                ) SELECT oid FROM below WHERE typtype <> 'd') END AS oid) AS basic
          LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'constraints', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'oid', k.oid::bigint, 'kind', k.contype, 'name', k.conname, 'definition', pg_get_constraintdef(k.oid),
                   'expression', pg_get_expr(k.conbin, k.conrelid), 'validated', k.convalidated,
                   'enforced', coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true),
                   'columns', coalesce(to_jsonb(k.conkey), '[]'), 'index', k.conindid::bigint,
                   'foreign', k.confrelid::bigint, 'foreign_columns', coalesce(to_jsonb(k.confkey), '[]'), 'match', k.confmatchtype,
                   'period', coalesce((to_jsonb(k) ->> 'conperiod')::boolean, false),
                   'of_partition', EXISTS (SELECT FROM pg_constraint AS p WHERE p.oid = k.conparentid AND p.conrelid = k.conrelid),
                   'operators', (SELECT coalesce(jsonb_agg(format('OPERATOR(%I.%s)', s.nspname, o.oprname) ORDER BY e.number), '[]')
                                   FROM unnest(coalesce(k.conpfeqop, k.conexclop)) WITH ORDINALITY AS e(oid, number)
                                   JOIN pg_operator AS o ON o.oid = e.oid
                                   JOIN pg_namespace AS s ON s.oid = o.oprnamespace),
                   'leans', {of_constraint}
               ) ORDER BY k.oid), '[]')
          FROM pg_constraint AS k
         WHERE k.conrelid = t.oid AND k.contype IN ('c', 'f', 'p', 'u', 'x')),
    'indexes', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'oid', x.indexrelid::bigint, 'name', c.relname, 'unique', x.indisunique, 'valid', x.indisvalid,
                   'primary', x.indisprimary, 'excludes', x.indisexclusion, 'method', m.amname,
                   'nulls_equal', x.indnullsnotdistinct, 'predicate', pg_get_expr(x.indpred, x.indrelid),
                   'attributes', (SELECT jsonb_agg(x.indkey[part]) FROM generate_series(0, x.indnkeyatts - 1) AS part),
                   'keys', (SELECT jsonb_agg(pg_get_indexdef(x.indexrelid, part, true) ORDER BY part)
                              FROM generate_series(1, x.indnkeyatts) AS part),
                   'collations', (SELECT jsonb_agg(CASE WHEN x.indcollation[part] NOT IN (0::oid, 'pg_catalog."default"'::regcollation)
                                                        THEN x.indcollation[part]::regcollation::text END ORDER BY part)
                                    FROM generate_series(0, x.indnkeyatts - 1) AS part),
                   'types', (SELECT jsonb_agg(q.atttypid::bigint ORDER BY q.attnum) FROM pg_attribute AS q
                              WHERE q.attrelid = x.indexrelid AND q.attnum <= x.indnkeyatts),
                   'usual', (SELECT bool_and(p.opcdefault OR p.opcname ~ '^(text|varchar|bpchar)_pattern_ops$')
                               FROM generate_series(0, x.indnkeyatts - 1) AS part JOIN pg_opclass AS p ON p.oid = x.indclass[part]),
                   'leans', {of_index}
               ) ORDER BY x.indexrelid), '[]')
          FROM pg_index AS x
          JOIN pg_class AS c ON c.oid = x.indexrelid
          JOIN pg_am AS m ON m.oid = c.relam
         WHERE x.indrelid = t.oid)
) AS shape
  FROM unnest({tables}::oid[]) AS w(oid)
  JOIN pg_class AS t ON t.oid = w.oid
  JOIN pg_namespace AS n ON n.oid = t.relnamespace
 WHERE t.relkind IN ('r', 'p')
 ORDER BY t.oid
