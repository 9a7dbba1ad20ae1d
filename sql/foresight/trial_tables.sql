-- Relations of these names, asked of the live database and of the scratch database alike: what they are, their bytes, whether
-- the role may read all of their rows, the columns that are copied, the partitioned table that they are part of (schema and
-- name), whether by hashes, which may be others in another database, and what decides about rows, in lines that are the same on both where nobody has changed one of them by hand.
SELECT w.number::int, c.oid::bigint, c.relkind::text AS kind,
       CASE WHEN c.relkind IN ('r', 'm') AND pg_relation_size(c.oid) > 0 THEN pg_table_size(c.oid) ELSE 0 END::bigint AS bytes,
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
       c.relkind IN ('r', 'p') AND row_security_active(c.oid) AS hides,
       ARRAY(SELECT a.attname::text FROM pg_attribute AS a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
              ORDER BY a.attnum) AS columns,
       (SELECT ARRAY[its.nspname::text, root.relname::text]
          FROM pg_class AS root JOIN pg_namespace AS its ON its.oid = root.relnamespace
         WHERE root.oid = coalesce(pg_partition_root(c.oid), c.oid)) AS root,
       EXISTS (SELECT FROM pg_partition_ancestors(c.oid) AS above JOIN pg_partitioned_table AS p ON p.partrelid = above
                WHERE p.partstrat = 'h') AS is_hashed,
       ARRAY(
           SELECT concat('column ', quote_ident(a.attname), ' ', format_type(a.atttypid, a.atttypmod), ' ',
                         a.attcollation::regcollation, CASE WHEN a.attnotnull THEN ' not null' END, ' ', a.attgenerated,
                         a.attidentity, ' ', pg_get_expr(d.adbin, d.adrelid)) AS line
             FROM pg_attribute AS a
             LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
           UNION ALL
           SELECT concat('constraint ', k.conrelid::regclass, ' ', quote_ident(k.conname), ' ', pg_get_constraintdef(k.oid))
             FROM pg_constraint AS k
            WHERE c.oid IN (k.conrelid, k.confrelid) AND k.conparentid = 0 AND k.contype IN ('c', 'f', 'p', 'u', 'x')
           UNION ALL
           SELECT concat('index ', pg_get_indexdef(x.indexrelid), ' ', x.indisvalid)
             FROM pg_index AS x
            WHERE x.indrelid = c.oid AND x.indisunique
           UNION ALL
           SELECT DISTINCT concat('type ', format_type(y.oid, NULL), ' ',
                                  ARRAY(SELECT e.enumlabel FROM pg_enum AS e WHERE e.enumtypid = y.oid ORDER BY e.enumsortorder),
                                  ARRAY(SELECT concat(k.conname, ' ', pg_get_constraintdef(k.oid)) FROM pg_constraint AS k
                                         WHERE k.contypid = y.oid AND k.contype = 'c' ORDER BY k.conname))
             FROM pg_attribute AS a
             JOIN pg_type AS y ON y.oid = a.atttypid AND y.typtype IN ('e', 'd')
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
           UNION ALL
           SELECT concat('trigger ', pg_get_triggerdef(t.oid), ' ', t.tgenabled, ' ', md5(f.prosrc))
             FROM pg_trigger AS t JOIN pg_proc AS f ON f.oid = t.tgfoid
            WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgparentid = 0
           UNION ALL
           SELECT concat('rule ', pg_get_ruledef(r.oid), ' ', r.ev_enabled)
             FROM pg_rewrite AS r
            WHERE r.ev_class = c.oid AND r.ev_type <> '1'
           UNION ALL
           SELECT concat('part of ', h.inhparent::regclass, ' ', pg_get_expr(c.relpartbound, c.oid))
             FROM pg_inherits AS h
            WHERE h.inhrelid = c.oid
           UNION ALL
           SELECT concat('partitioned by ', pg_get_partkeydef(c.oid)) WHERE c.relkind = 'p'
           ORDER BY line) AS shape
  FROM unnest({schemas}::text[], {names}::text[]) WITH ORDINALITY AS w(schema, name, number)
  JOIN pg_namespace AS n ON n.nspname = w.schema
  JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name
 ORDER BY w.number;
