-- What the catalog says of a table whose duplicates are to go: its own columns, the keys that refer to it, and in turn the
-- tables whose rows become duplicates when such a key's rows are pointed at others.
WITH RECURSIVE target AS (
    SELECT c.oid, c.relkind FROM pg_catalog.pg_class AS c WHERE c.oid = {table}
), wanted AS (
    SELECT name, n, a.attnum, a.atttypid
      FROM unnest({columns}::text[] || {by}::text) WITH ORDINALITY AS named(name, n)
      LEFT JOIN target ON true
      LEFT JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid = target.oid AND a.attname = name AND a.attnum > 0 AND NOT a.attisdropped
), said_to_refer AS (
    -- Relations that have no key yet, as somebody says who cleans their orphans as well.
    SELECT -also.n AS oid, also.name, c.oid AS conrelid, p.oid AS confrelid,
           array_agg(a.attnum ORDER BY k.n) AS conkey, array_agg(b.attnum ORDER BY k.n) AS confkey
      FROM jsonb_to_recordset({relations}::jsonb)
           AS also(n bigint, name text, child text, columns text[], parent text, keys text[])
      JOIN pg_catalog.pg_class AS c ON c.oid = {child} AND c.relkind IN ('r', 'p')
      JOIN pg_catalog.pg_class AS p ON p.oid = {parent}
     CROSS JOIN LATERAL unnest(also.columns, also.keys) WITH ORDINALITY AS k("column", key, n)
      LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = k.column AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_catalog.pg_attribute AS b ON b.attrelid = p.oid AND b.attname = k.key AND b.attnum > 0 AND NOT b.attisdropped
     GROUP BY also.n, also.name, c.oid, p.oid
    HAVING bool_and(a.attnum IS NOT NULL AND b.attnum IS NOT NULL)
), foreign_key AS (
    -- An ORM may have made the same one twice.
    SELECT DISTINCT ON (fk.conrelid, fk.confrelid, pairs.pairs) fk.*
      FROM (SELECT oid::bigint, conname::text AS name, conrelid, confrelid, conkey, confkey, conpfeqop,
                   coalesce((to_jsonb(it)->>'conperiod')::boolean, false) AS is_period
              FROM pg_catalog.pg_constraint AS it WHERE contype = 'f' AND conparentid = 0
            UNION ALL
            SELECT oid, name, conrelid, confrelid, conkey, confkey, NULL, false FROM said_to_refer) AS fk
     CROSS JOIN LATERAL (SELECT array_agg(ARRAY[c, k] ORDER BY c, k) AS pairs FROM unnest(fk.conkey, fk.confkey) AS pair(c, k)) AS pairs
     ORDER BY fk.conrelid, fk.confrelid, pairs.pairs, fk.oid < 0, fk.oid
), unique_index AS (
    -- One that is not valid yet refuses rows all the same.
    SELECT i.indexrelid AS oid, i.indrelid, i.indkey, i.indnkeyatts, i.indclass, i.indcollation, i.indpred, i.indrelid AS of,
           coalesce((to_jsonb(i)->>'indnullsnotdistinct')::boolean, false) AS nulls_equal,
           ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
                  WHERE a.attrelid = i.indrelid AND a.attnum > 0
                    AND (a.attnum = ANY ((i.indkey::int2[])[0 : i.indnkeyatts - 1])
                         OR EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                                     WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid
                                       AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = i.indrelid
                                       AND d.refobjsubid = a.attnum
                                       AND NOT a.attnum = ANY (coalesce((i.indkey::int2[])[i.indnkeyatts : i.indnatts - 1], '{{}}'))))
                  ORDER BY a.attnum) AS columns
      FROM pg_catalog.pg_index AS i
     WHERE i.indisunique AND i.indisready AND NOT i.indisexclusion
), affected(oid) AS (
    -- Tables that may lose rows: the one that is named, and those where what is pointed elsewhere is in a unique key.
    SELECT oid FROM target
    UNION
    SELECT fk.conrelid
      FROM affected
     CROSS JOIN LATERAL {kin_of_affected} AS kin
      JOIN foreign_key AS fk ON fk.confrelid = kin.relid
     WHERE EXISTS (SELECT FROM unique_index AS u
                     JOIN pg_catalog.pg_attribute AS a ON a.attrelid = fk.conrelid AND a.attname = ANY (u.columns)
                    WHERE u.indrelid = fk.conrelid AND a.attnum = ANY (fk.conkey))
), referring AS (
    SELECT affected.oid AS of, fk.*,
           fk.confrelid <> affected.oid
             AND fk.confrelid NOT IN (SELECT relid FROM pg_catalog.pg_partition_ancestors(affected.oid)) AS is_partial
      FROM affected
     CROSS JOIN LATERAL {kin_of_affected} AS kin
      JOIN foreign_key AS fk ON fk.confrelid = kin.relid
), written(oid) AS (
    SELECT oid FROM affected UNION SELECT conrelid FROM referring
), base(oid, type) AS (
    SELECT t.oid, t.typbasetype FROM pg_catalog.pg_type AS t
     WHERE t.typtype = 'd' AND t.oid IN (SELECT atttypid FROM pg_catalog.pg_attribute AS a JOIN written ON attrelid = written.oid)
    UNION ALL
    SELECT base.oid, t.typbasetype FROM base JOIN pg_catalog.pg_type AS t ON t.oid = base.type WHERE t.typtype = 'd'
), pair AS (
    SELECT referring.of, referring.oid, k.n, a.attname::text AS column, p.attname::text AS key,
           json_build_array(opn.nspname, op.oprname, NULL, NULL, qn.nspname, q.collname) AS comparison,
           format_type(coalesce(below.type, a.atttypid), -1) AS type
      FROM referring
     CROSS JOIN unnest(conkey, confkey, conpfeqop) WITH ORDINALITY AS k(column_number, key_number, operator, n)
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = conrelid AND a.attnum = k.column_number
      JOIN pg_catalog.pg_attribute AS p ON p.attrelid = confrelid AND p.attnum = k.key_number
      LEFT JOIN LATERAL (
           -- What the key's own index compares with.
           SELECT member.amopopr
             FROM pg_catalog.pg_index AS i
             JOIN pg_catalog.pg_opclass AS class ON class.oid = i.indclass[array_position(i.indkey::int2[], p.attnum)]
             JOIN pg_catalog.pg_amop AS member
               ON member.amopfamily = class.opcfamily AND member.amopstrategy = 3
                  AND member.amoplefttype = class.opcintype AND member.amoprighttype = class.opcintype
            WHERE i.indrelid = confrelid AND i.indisunique AND k.operator IS NULL
              AND p.attnum = ANY ((i.indkey::int2[])[0 : i.indnkeyatts - 1])
            ORDER BY NOT i.indisprimary, i.indexrelid LIMIT 1) AS own ON true
      JOIN pg_catalog.pg_operator AS op ON op.oid = coalesce(k.operator, own.amopopr)
      JOIN pg_catalog.pg_namespace AS opn ON opn.oid = op.oprnamespace
      LEFT JOIN LATERAL (
           SELECT base.type FROM base JOIN pg_catalog.pg_type AS t ON t.oid = base.type
            WHERE base.oid = a.atttypid AND t.typtype <> 'd') AS below ON true
      -- Where the two have collations of their own the key's counts.
      LEFT JOIN pg_catalog.pg_collation AS q ON q.oid = p.attcollation AND a.attcollation NOT IN (0, p.attcollation)
      LEFT JOIN pg_catalog.pg_namespace AS qn ON qn.oid = q.collnamespace
), part AS (
    SELECT written.oid AS of, kin.relid
      FROM written
     CROSS JOIN LATERAL (
           SELECT written.oid AS relid UNION SELECT relid FROM pg_catalog.pg_partition_tree(written.oid)) AS kin
), given AS (
    -- Columns that may not get another value, and why.
    SELECT written.oid, a.attname::text AS column,
           CASE WHEN a.attgenerated <> '' OR a.attidentity = 'a' THEN 'is generated'
                WHEN cut.oid IS NOT NULL THEN format('is in the partition key of %s, so the rows would move', cut.oid::regclass)
                WHEN other.name IS NOT NULL THEN format('is in the key %I as well', other.name) END AS why
      FROM written
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = written.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN LATERAL (
           SELECT cut.partrelid AS oid
             FROM {kin_of_written} AS kin
             JOIN pg_catalog.pg_partitioned_table AS cut ON cut.partrelid = kin.relid
            WHERE cut.partexprs IS NOT NULL
               OR EXISTS (SELECT FROM pg_catalog.pg_attribute AS its
                           WHERE its.attrelid = cut.partrelid AND its.attname = a.attname AND its.attnum = ANY (cut.partattrs::int2[]))
            ORDER BY 1 LIMIT 1) AS cut ON true
      LEFT JOIN LATERAL (
           SELECT min(fk.name) AS name
             FROM foreign_key AS fk
            WHERE fk.conrelid = written.oid AND a.attnum = ANY (fk.conkey)
           HAVING count(*) > 1) AS other ON true
), firing AS (
    SELECT DISTINCT part.of, t.tgname::text AS name, t.tgrelid::regclass::text AS "table", kind.word
      FROM part
      JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = part.relid
      -- bits of tgtype: 8 is DELETE, 16 is UPDATE
      JOIN (VALUES (8, 'DELETE'), (16, 'UPDATE')) AS kind(bit, word) ON t.tgtype::int & kind.bit <> 0
     WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgname <> ALL ({allow_triggers}::text[])
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS up WHERE up.oid = t.tgparentid AND up.tgenabled IN ('O', 'A'))
), forbidden AS (
    -- What forbids that rows of a table are deleted or changed, if there are any of those.
    SELECT of AS oid, word, format('the trigger %I on %s would fire: see what it does, then allow it by name (--allow-triggers %s)',
               name, "table", CASE WHEN name ~ '[",]|^\s|\s$' THEN '"' || replace(name, '"', '""') || '"' ELSE name END) AS why
      FROM firing
    UNION
    SELECT r.ev_class, CASE r.ev_type WHEN '4' THEN 'DELETE' ELSE 'UPDATE' END,
           format('%s has the rule %I for %s', r.ev_class::regclass, r.rulename, CASE r.ev_type WHEN '4' THEN 'DELETE' ELSE 'UPDATE' END)
      FROM pg_catalog.pg_rewrite AS r JOIN written ON r.ev_class = written.oid
     WHERE r.ev_type IN ('2', '4') AND r.ev_enabled IN ('O', 'A')
    UNION
    SELECT written.oid, 'UPDATE', format('%s has no primary key, so no restore could find the rows that were changed: add one', written.oid::regclass)
      FROM written
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = written.oid AND contype = 'p')
    UNION
    SELECT part.of, word, format('%s is a foreign table, whose rows lie elsewhere', part.relid::regclass)
      FROM part
      JOIN pg_catalog.pg_class AS c ON c.oid = part.relid AND c.relkind = 'f'
     CROSS JOIN (VALUES ('DELETE'), ('UPDATE')) AS kind(word)
    UNION
    SELECT inner_.oid, word, format('keys refer to, or from, %s and its partition %s as well: one row would be changed twice',
                                    outer_.oid::regclass, inner_.oid::regclass)
      FROM written AS inner_
     CROSS JOIN LATERAL (SELECT relid AS oid FROM pg_catalog.pg_partition_ancestors(inner_.oid) WHERE relid <> inner_.oid) AS outer_
     CROSS JOIN (VALUES ('DELETE'), ('UPDATE')) AS kind(word)
     WHERE outer_.oid IN (SELECT oid FROM written)
    UNION
    -- PostgreSQL would refuse the statement itself.
    SELECT part.of, kind.word, format('%s is published (%s) and has no replica identity, so that nobody can change or delete '
               'its rows: give it a primary key, or ALTER TABLE ... REPLICA IDENTITY FULL', part.relid::regclass, min(p.pubname))
      FROM pg_catalog.pg_publication AS p
     CROSS JOIN part
     CROSS JOIN (VALUES ('DELETE'), ('UPDATE')) AS kind(word)
      JOIN pg_catalog.pg_class AS c ON c.oid = part.relid
     WHERE CASE kind.word WHEN 'UPDATE' THEN p.pubupdate ELSE p.pubdelete END
       AND {without_identity}
     GROUP BY part.of, part.relid, kind.word
), description AS (
    SELECT c.oid,
           json_build_object(
{described},
               'primary_key', {primary_key_of_table},
               'given', (SELECT coalesce(json_object_agg("column", why), '{{}}') FROM given WHERE given.oid = c.oid AND why IS NOT NULL),
               'forbidden', (SELECT coalesce(json_agg(json_build_array(word, why) ORDER BY word, why), '[]')
                               FROM forbidden WHERE forbidden.oid = c.oid)) AS said
      FROM written
      JOIN pg_catalog.pg_class AS c ON c.oid = written.oid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
)
SELECT json_build_object(
    'absent', CASE WHEN NOT EXISTS (SELECT FROM target) THEN format('there is no table %s', {written}::text) END,
    'lacks_table', NOT EXISTS (SELECT FROM target),
    'wrong', (SELECT format('%s has no column %I', target.oid::regclass, name) FROM wanted CROSS JOIN target
               WHERE attnum IS NULL ORDER BY n LIMIT 1),
    'holds', (SELECT format('the unique index %I keeps them so', c.relname)
                FROM target JOIN pg_catalog.pg_index AS i ON i.indrelid = target.oid JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
               WHERE i.indisunique AND i.indisvalid AND NOT i.indisexclusion AND i.indpred IS NULL AND i.indexprs IS NULL
                 AND NOT EXISTS (SELECT FROM unnest((i.indkey::int2[])[0 : i.indnkeyatts - 1], i.indclass::oid[], i.indcollation::oid[]) AS k(n, class, collation_)
                                   JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.n
                                   JOIN pg_catalog.pg_opclass AS o ON o.oid = k.class
                                  WHERE a.attname <> ALL ({columns}::text[]) OR k.collation_ <> a.attcollation OR NOT o.opcdefault)
               ORDER BY 1 LIMIT 1),
    'child_oid', (SELECT oid::bigint FROM target),
    'child', (SELECT said FROM description JOIN target USING (oid)),
    'primary_key', (SELECT said->'primary_key' FROM description JOIN target USING (oid)),
    'countable', (SELECT relkind IN ('r', 'p') FROM target),
    'action', {action}::text,
    'tables', (SELECT coalesce(json_object_agg(oid::bigint, said), '{{}}') FROM description),
    'affected', (SELECT coalesce(json_agg(oid::bigint ORDER BY oid), '[]') FROM affected),
    'keys', (SELECT coalesce(json_agg(json_build_object(
                'name', r.name, 'of', r.of::bigint, 'child', r.conrelid::bigint, 'is_partial', r.is_partial, 'is_period', r.is_period,
                'columns', (SELECT json_agg("column" ORDER BY n) FROM pair WHERE pair.of = r.of AND pair.oid = r.oid),
                'keys', (SELECT json_agg(key ORDER BY n) FROM pair WHERE pair.of = r.of AND pair.oid = r.oid),
                'types', (SELECT json_agg(type ORDER BY n) FROM pair WHERE pair.of = r.of AND pair.oid = r.oid),
                'operators', (SELECT json_agg(comparison ORDER BY n) FROM pair WHERE pair.of = r.of AND pair.oid = r.oid))
                ORDER BY r.conrelid::regclass::text, r.name, r.of), '[]') FROM referring AS r),
    'indexes', (SELECT coalesce(json_agg(json_build_object(
                'name', (SELECT relname FROM pg_catalog.pg_class WHERE oid = u.oid), 'table', u.indrelid::bigint,
                'columns', u.columns, 'nulls_equal', u.nulls_equal, 'predicate', pg_get_expr(u.indpred, u.indrelid),
                'is_ours_to_run', NOT EXISTS (
                    SELECT FROM pg_catalog.pg_depend AS d
                     WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = u.oid
                       AND d.refclassid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass))
                    AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                                     WHERE a.attrelid = u.indrelid AND a.attname = ANY (u.columns) AND a.attgenerated <> ''),
                'expressions', (SELECT json_agg(pg_get_indexdef(u.oid, n, false) ORDER BY n) FROM generate_series(1, u.indnkeyatts) AS n),
                'operators', (SELECT json_agg(json_build_array(opn.nspname, op.oprname, NULL, NULL, qn.nspname, q.collname) ORDER BY n)
                                FROM generate_series(0, u.indnkeyatts - 1) AS n
                                JOIN pg_catalog.pg_opclass AS class ON class.oid = u.indclass[n]
                                JOIN pg_catalog.pg_amop AS member
                                  ON member.amopfamily = class.opcfamily AND member.amopstrategy = 3
                                     AND member.amoplefttype = class.opcintype AND member.amoprighttype = class.opcintype
                                JOIN pg_catalog.pg_operator AS op ON op.oid = member.amopopr
                                JOIN pg_catalog.pg_namespace AS opn ON opn.oid = op.oprnamespace
                                LEFT JOIN pg_catalog.pg_collation AS q ON q.oid = u.indcollation[n]
                                LEFT JOIN pg_catalog.pg_namespace AS qn ON qn.oid = q.collnamespace))
                ORDER BY u.oid), '[]')
                FROM unique_index AS u
               WHERE u.indrelid IN (SELECT oid FROM affected)
                 AND EXISTS (SELECT FROM referring AS r JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.conrelid AND a.attnum = ANY (r.conkey)
                              WHERE r.conrelid = u.indrelid AND a.attname = ANY (u.columns))),
    'estimate', (SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint
                   FROM part JOIN target ON target.oid = part.of
                   JOIN pg_catalog.pg_class AS c ON c.oid = part.relid AND c.relkind = 'r'),
    'published', {published},
    'refusals', array_remove(ARRAY[
        (SELECT format('%s is not a table', oid::regclass) FROM target WHERE relkind NOT IN ('r', 'p')),
        (SELECT format('%s is a table of PostgreSQL''s own', c.oid::regclass) FROM target JOIN pg_catalog.pg_class AS c USING (oid)
          WHERE c.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)),
        (SELECT format('%s is a temporary table: name the schema of the real one', c.oid::regclass)
           FROM target JOIN pg_catalog.pg_class AS c USING (oid) WHERE c.relpersistence = 't'),
        (SELECT format('%s has no primary key, which says which of two rows of the same age stays: add one', oid::regclass)
           FROM target
          WHERE relkind IN ('r', 'p')
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS pk WHERE pk.conrelid = target.oid AND pk.contype = 'p')),
        CASE WHEN to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL
            THEN 'the rows may lie on other nodes, where their duplicates are not looked for: this server runs Citus' END,
        (SELECT {resorted}
           FROM (SELECT a.attcollation AS oid FROM target
                   JOIN pg_catalog.pg_attribute AS a ON a.attrelid = target.oid AND a.attnum > 0
                  UNION SELECT unnest(u.indcollation::oid[]) FROM unique_index AS u WHERE u.indrelid IN (SELECT oid FROM affected)) AS used
           JOIN (
{stale_collations}
                ) AS stale ON stale.oid = used.oid
         HAVING count(*) > 0),
{whatever_is_cleaned}
    ], NULL))
