-- What the catalog says today of a table whose rows were archived with these columns.
WITH RECURSIVE target AS (
    SELECT c.oid, c.relkind, n.nspname, c.relname
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.oid = {source} AND c.relkind IN ('r', 'p')
), kin AS (
    SELECT oid FROM target
    UNION SELECT relid FROM target, pg_catalog.pg_partition_ancestors(target.oid)
), part AS (
    SELECT oid FROM target
    UNION SELECT relid FROM target, pg_catalog.pg_partition_tree(target.oid)
), deleted AS (
    -- The tables that rows of this relation were deleted from, with those that hold them as partitions or whole.
    SELECT {place} AS oid FROM unnest({sources}::text[]) AS name
    UNION SELECT relid FROM unnest({sources}::text[]) AS name, pg_catalog.pg_partition_ancestors({place})
    UNION SELECT relid FROM unnest({sources}::text[]) AS name, pg_catalog.pg_partition_tree({place})
), attribute AS (
    SELECT a.attname::text AS name, a.attnum, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod) AS type,
           a.attgenerated <> '' AS generated, a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS needed,
           pg_catalog.has_type_privilege(a.atttypid, 'USAGE') AS usable,
           (SELECT pg_catalog.format(' COLLATE %I.%I', n.nspname, q.collname)
              FROM pg_catalog.pg_collation AS q
              JOIN pg_catalog.pg_namespace AS n ON n.oid = q.collnamespace
              JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid AND t.typcollation <> q.oid
             WHERE q.oid = a.attcollation) AS sorted_by,
           coalesce(pg_get_expr(d.adbin, d.adrelid), 'NULL') AS "default",
           a.attname = ANY ({columns}::text[]) AS archived
      FROM target
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = target.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
), base(attnum, oid) AS (
    -- What lies below a domain: an explicit cast to the domain itself would cut off what is too long.
    SELECT attnum, atttypid FROM attribute
    UNION ALL
    SELECT attnum, t.typbasetype FROM base JOIN pg_catalog.pg_type AS t USING (oid) WHERE t.typtype = 'd'
), foreign_key AS (
    SELECT fk.oid, fk.conname, fk.conrelid, fk.confrelid, fk.conkey, fk.confkey, fk.confdeltype, fk.confmatchtype,
           fk.confdelsetcols
      FROM target
      JOIN pg_catalog.pg_constraint AS fk ON fk.conrelid = target.oid
     WHERE fk.contype = 'f'
       -- They came with PostgreSQL 18: one that is not enforced forbids nothing, one over periods is left to itself.
       AND coalesce((to_jsonb(fk)->>'conenforced')::boolean, true)
       AND NOT coalesce((to_jsonb(fk)->>'conperiod')::boolean, false)
       -- A key to a partitioned table has a twin for each of its partitions.
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS up
                        WHERE up.oid = fk.conparentid AND up.conrelid = fk.conrelid)
), trigger AS (
    SELECT t.tgname::text AS name, t.tgrelid::regclass::text AS table
      FROM part
      JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = part.oid
     WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
       -- bits of tgtype: 4 is INSERT, 16 is UPDATE
       AND t.tgtype & CASE WHEN {changed} THEN 16 ELSE 4 END <> 0
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS up WHERE up.oid = t.tgparentid AND up.tgenabled IN ('O', 'A'))
)
SELECT json_build_object(
    'schema', nspname, 'table', relname, 'only', relkind <> 'p',
    'citus', to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL,
    'columns', (SELECT coalesce(json_agg(json_build_object('name', name, 'type', type, 'base', format_type(base.oid, -1),
                    'is_array', t.typcategory = 'A',
                    -- of a composite, or of the composites in an array
                    'attributes', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_type AS row_
                                     JOIN pg_catalog.pg_attribute AS its ON its.attrelid = row_.typrelid
                                    WHERE row_.oid = CASE t.typcategory WHEN 'A' THEN t.typelem ELSE t.oid END
                                      AND row_.typtype = 'c' AND its.attnum > 0 AND NOT its.attisdropped),
                    'usable', usable, 'collation', coalesce(sorted_by, ''),
                    -- as in relation.sql
                    'recast', EXISTS (SELECT FROM pg_catalog.pg_cast AS cast_
                                       WHERE castsource = base.oid AND casttarget = 'pg_catalog.text'::regtype
                                         AND castmethod = 'f'
                                         AND (cast_.oid >= 16384 OR base.oid = 'bpchar'::regtype AND atttypmod = -1)))
                                         ORDER BY attnum), '[]')
                  FROM attribute
                  JOIN base USING (attnum)
                  JOIN pg_catalog.pg_type AS t ON t.oid = base.oid AND t.typtype <> 'd'
                 WHERE archived AND NOT generated),
    -- What they have besides: a generated column's expression, and nothing in one that is new.
    'others', (SELECT coalesce(json_agg(json_build_object('name', name, 'value',
                          CASE WHEN generated THEN "default" ELSE pg_catalog.format('NULL::%s', format_type(base.oid, -1)) END
                          || coalesce(sorted_by, '')) ORDER BY attnum), '[]')
                 FROM attribute
                 JOIN base USING (attnum)
                 JOIN pg_catalog.pg_type AS t ON t.oid = base.oid AND t.typtype <> 'd'
                WHERE generated OR NOT archived),
    'all', (SELECT coalesce(json_agg(name), '[]') FROM attribute),
    'lost', (SELECT coalesce(json_agg(name ORDER BY name), '[]') FROM unnest({columns}::text[]) AS name
              WHERE name NOT IN (SELECT attribute.name FROM attribute WHERE NOT generated)),
    'needed', (SELECT coalesce(json_agg(name ORDER BY attnum), '[]') FROM attribute
                WHERE needed AND NOT generated AND NOT archived AND NOT {changed}),
    'defaults', (SELECT json_object_agg(name, "default") FROM attribute WHERE NOT generated),
    'primary', {primary_key},
    'unique', (SELECT coalesce(json_agg(json_build_object('name', (SELECT quote_ident(relname) FROM pg_catalog.pg_class WHERE oid = i.indexrelid), 'columns', (
                          SELECT json_agg(a.attname ORDER BY k.n)
                            FROM unnest(i.indkey[:i.indnkeyatts - 1]) WITH ORDINALITY AS k(attnum, n)
                            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum))
                      ORDER BY i.indisprimary DESC, i.indexrelid), '[]')
                 FROM pg_catalog.pg_index AS i
                WHERE i.indrelid = target.oid AND i.indisunique AND i.indisready AND NOT i.indisexclusion
                  AND i.indpred IS NULL AND i.indexprs IS NULL),
    'keys', (SELECT coalesce(json_agg(json_build_object(
            'name', fk.conname, 'schema', pn.nspname, 'table', p.relname, 'only', p.relkind <> 'p',
            'full', fk.confmatchtype = 'f',
            'self', fk.confrelid IN (SELECT oid FROM kin),
            -- What a disabled trigger does not guard is guarded by a lock of ours.
            'guarded', EXISTS (SELECT FROM pg_catalog.pg_trigger AS t
                                WHERE t.tgconstraint = fk.oid AND t.tgrelid = fk.conrelid AND t.tgtype & 4 <> 0
                                  AND t.tgenabled IN ('O', 'A')),
            'on_delete', fk.confdeltype,
            -- Whether this run may have deleted what it refers to, and the columns that it would have set then.
            'is_deleted', fk.confrelid IN (SELECT oid FROM deleted),
            'sets', (SELECT json_agg(a.attname) FROM pg_catalog.pg_attribute AS a
                      WHERE a.attrelid = fk.conrelid AND a.attnum = ANY (coalesce(fk.confdelsetcols, fk.conkey))),
            'columns', (SELECT json_agg(a.attname ORDER BY k.n)
                          FROM unnest(fk.conkey) WITH ORDINALITY AS k(attnum, n)
                          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = fk.conrelid AND a.attnum = k.attnum),
            'keys', (SELECT json_agg(a.attname ORDER BY k.n)
                       FROM unnest(fk.confkey) WITH ORDINALITY AS k(attnum, n)
                       JOIN pg_catalog.pg_attribute AS a ON a.attrelid = fk.confrelid AND a.attnum = k.attnum))
            ORDER BY fk.conname), '[]')
        FROM foreign_key AS fk
        JOIN pg_catalog.pg_class AS p ON p.oid = fk.confrelid
        JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.relnamespace),
    'sequences', (SELECT coalesce(json_agg(json_build_object('column', name, 'name', s.oid::regclass::text)), '[]')
                    FROM attribute
                   CROSS JOIN LATERAL pg_get_serial_sequence(format('%I.%I', nspname, relname), name) AS owned
                    JOIN pg_catalog.pg_sequence AS q ON q.seqrelid = owned::regclass AND q.seqincrement > 0
                    JOIN pg_catalog.pg_class AS s ON s.oid = q.seqrelid
                   WHERE archived AND NOT generated AND has_sequence_privilege(s.oid, 'SELECT')
                     AND atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)),
    'triggers', (SELECT coalesce(json_agg(trigger ORDER BY name), '[]') FROM trigger),
    'rules', (SELECT coalesce(json_agg(r.rulename ORDER BY 1), '[]') FROM pg_catalog.pg_rewrite AS r
               WHERE r.ev_class = target.oid AND r.ev_enabled IN ('O', 'A')
                 AND r.ev_type = CASE WHEN {changed} THEN '2' ELSE '3' END))
  FROM target;
