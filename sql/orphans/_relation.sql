-- What the catalog says of relations, and of other constraints, which have no parent: of each, in their order, names, what
-- becomes of the rows that violate it, and what forbids a cleanup. Where a table or a column is missing there is nothing to
-- clean; "absent" says which. However many are asked about, the server plans one look.
SELECT told.facts
  FROM jsonb_to_recordset({relations}::jsonb)
       AS asked(n int, kind text, child text, columns text[], parent text, keys text[], name text,
                action text, sets text[], otherwise text, otherwise_sets text[])
 CROSS JOIN LATERAL (
WITH RECURSIVE named AS (
    SELECT {child}::regclass AS child, {parent}::regclass AS parent
), pair AS (
    SELECT n, wanted.column, wanted.key, c.attnum AS column_number, p.attnum AS key_number, p.attnotnull AS not_null
      FROM named
     CROSS JOIN LATERAL unnest(asked.columns, asked.keys) WITH ORDINALITY AS wanted("column", key, n)
      LEFT JOIN pg_catalog.pg_attribute AS c
        ON c.attrelid = child AND c.attname = wanted.column AND c.attnum > 0 AND NOT c.attisdropped
      LEFT JOIN pg_catalog.pg_attribute AS p
        ON p.attrelid = parent AND p.attname = wanted.key AND p.attnum > 0 AND NOT p.attisdropped
), relation AS (
    SELECT child, parent, cc.relkind AS child_kind, pc.relkind AS parent_kind,
           (SELECT array_agg(key_number) FROM pair) AS key_numbers
      FROM named
      JOIN pg_catalog.pg_class AS cc ON cc.oid = child
      LEFT JOIN pg_catalog.pg_class AS pc ON pc.oid = parent
     WHERE (asked.parent IS NULL OR pc.oid IS NOT NULL)
       AND NOT EXISTS (SELECT FROM pair WHERE column_number IS NULL OR key IS NOT NULL AND key_number IS NULL)
), key_index AS (
    SELECT i.indkey::int2[] AS numbers, i.indclass::oid[] AS classes, i.indcollation::oid[] AS collations
      FROM relation
      JOIN pg_catalog.pg_index AS i ON i.indrelid = relation.parent
     WHERE i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND NOT i.indisexclusion
       AND i.indnkeyatts = cardinality(key_numbers)
       AND (i.indkey::int2[])[0 : i.indnkeyatts - 1] @> key_numbers
       AND key_numbers @> (i.indkey::int2[])[0 : i.indnkeyatts - 1]
     ORDER BY NOT i.indisprimary, i.indexrelid LIMIT 1
), own_key AS (
    -- The foreign keys that say what the relation says; an ORM may have made the same one twice.
    SELECT fk.conname::text AS name, fk.convalidated AS validated, fk.confmatchtype = 'f'::"char" AS "full",
           CASE fk.confdeltype WHEN 'a' THEN 'no action' WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade'
                WHEN 'n' THEN 'set null' ELSE 'set default' END AS on_delete,
           CASE WHEN fk.confdeltype IN ('n', 'd') THEN
                (SELECT array_agg(a.attname::text ORDER BY a.attname) FROM pg_catalog.pg_attribute AS a
                  WHERE a.attrelid = fk.conrelid AND a.attnum = ANY (coalesce(fk.confdelsetcols, fk.conkey))) END AS sets
      FROM relation
      JOIN pg_catalog.pg_constraint AS fk ON fk.contype = 'f' AND fk.conrelid = child AND fk.confrelid = parent
     WHERE cardinality(fk.conkey) = cardinality(key_numbers)
       AND NOT EXISTS (SELECT FROM pair
                        WHERE (column_number, key_number) NOT IN (SELECT * FROM unnest(fk.conkey, fk.confkey)))
), word AS (
    -- NO ACTION and RESTRICT say what may not happen to the parent, and nothing of an orphan.
    SELECT min(action) AS action, min(sets) AS sets, count(*) > 1 AS contradicts
      FROM (SELECT DISTINCT CASE on_delete WHEN 'cascade' THEN 'delete' ELSE on_delete END AS action, sets
              FROM own_key WHERE on_delete NOT IN ('no action', 'restrict')) AS said
), own_check AS (
    -- What a table has under the name of a check.
    SELECT ck.contype, ck.convalidated AS validated, pg_get_expr(ck.conbin, ck.conrelid) AS expression
      FROM relation
      JOIN pg_catalog.pg_constraint AS ck ON ck.conrelid = child AND ck.conname = asked.name
     WHERE asked.kind = 'check'
), own_null AS (
    -- What a table says of a column that shall not be null.
    SELECT a.attnotnull AND NOT EXISTS (
               SELECT FROM pg_catalog.pg_constraint AS nn
                WHERE nn.conrelid = child AND nn.contype = 'n' AND nn.conkey = ARRAY[a.attnum] AND NOT nn.convalidated)
               AS validated,
           a.attgenerated <> '' AS is_generated,
           EXISTS (SELECT FROM pg_catalog.pg_constraint AS pk
                    WHERE pk.conrelid = child AND pk.contype = 'p' AND a.attnum = ANY (pk.conkey)) AS is_primary
      FROM relation
     CROSS JOIN pair
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = child AND a.attnum = column_number
     WHERE asked.kind = 'not null'
), decided AS (
    -- What becomes of the orphans: what somebody has said, else the key's own word, else what holds where it has none.
    SELECT action, action LIKE 'set %' AS is_set, coalesce(sets, asked.columns) AS sets
      FROM (SELECT asked.action, asked.sets WHERE asked.action IS NOT NULL
            UNION ALL
            SELECT CASE WHEN NOT contradicts THEN word.action END, word.sets FROM word
             WHERE asked.action IS NULL AND word.action IS NOT NULL
            UNION ALL
            SELECT asked.otherwise, asked.otherwise_sets FROM word
             WHERE asked.action IS NULL AND word.action IS NULL) AS first
), reached AS (
    -- Tables that a deletion of a child's row may reach by foreign keys. What it does to a key's other side is done by
    -- triggers, which the catalog finds by their table; a NOT ENFORCED key has none.
    SELECT child::oid AS oid FROM relation
    UNION
    SELECT fk.conrelid
      FROM reached
     CROSS JOIN LATERAL {kin_of_reached} AS kin
      JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = kin.relid AND t.tgconstraint <> 0 AND t.tgtype & 8 <> 0
     -- LIMIT and OFFSET keep each a look-up: nobody estimates how few these are.
     CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_constraint WHERE oid = t.tgconstraint LIMIT 1) AS fk
     WHERE fk.contype = 'f' AND fk.conparentid = 0 AND fk.confdeltype IN ('c', 'n', 'd')
), foreign_key AS (
    -- Each with every table whose rows it may refer to: a partition's rows are its ancestors' too.
    SELECT referred.of, fk.oid, fk.conname, fk.conrelid, fk.confrelid, fk.conkey, fk.confkey, fk.confdeltype,
           fk.confupdtype, fk.conpfeqop,
           (SELECT bool_and(t.tgenabled IN ('O', 'A'))
              FROM pg_catalog.pg_constraint AS twin
              JOIN pg_catalog.pg_trigger AS t ON t.tgconstraint = twin.oid AND t.tgtype & 8 <> 0
             WHERE twin.oid = fk.oid OR twin.conparentid = fk.oid) AS enabled
      FROM (SELECT DISTINCT reached.oid AS of, t.tgconstraint
              FROM reached
             CROSS JOIN LATERAL {kin_of_reached} AS kin
              JOIN pg_catalog.pg_trigger AS t
                ON t.tgrelid = kin.relid AND t.tgconstraint <> 0 AND t.tgtype & 8 <> 0) AS referred
     CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_constraint WHERE oid = referred.tgconstraint LIMIT 1) AS fk
     WHERE fk.contype = 'f' AND fk.conparentid = 0
), cascade AS (
    -- Foreign keys that would delete or change rows elsewhere when a child's row is deleted, path by path.
    SELECT 1 AS depth, fk.oid, fk.conname, fk.conrelid, fk.confrelid, fk.conkey, fk.confkey, fk.confdeltype,
           fk.conpfeqop, ARRAY[fk.of, fk.conrelid] AS path, fk.conrelid = fk.of AND fk.confdeltype = 'c' AS circular
      FROM relation
     CROSS JOIN decided
      JOIN foreign_key AS fk ON fk.of = child
     WHERE fk.confdeltype IN ('c', 'n', 'd') AND decided.is_set IS NOT TRUE
    UNION ALL
    SELECT depth + 1, fk.oid, fk.conname, fk.conrelid, fk.confrelid, fk.conkey, fk.confkey, fk.confdeltype,
           fk.conpfeqop, path || fk.conrelid, fk.conrelid = ANY (path) AND fk.confdeltype = 'c'
      FROM cascade
      JOIN foreign_key AS fk ON fk.of = cascade.conrelid
     WHERE cascade.confdeltype = 'c' AND NOT circular
       AND fk.confdeltype IN ('c', 'n', 'd')
), base(oid, type) AS (
    -- Of the domains that the tables' columns have.
    SELECT oid, typbasetype FROM pg_catalog.pg_type
     WHERE typtype = 'd' AND oid IN (
           SELECT a.atttypid FROM pg_catalog.pg_attribute AS a
             JOIN (SELECT child AS oid FROM relation UNION SELECT parent FROM relation
                   UNION SELECT conrelid FROM cascade UNION SELECT confrelid FROM cascade) AS wanted
               ON a.attrelid = wanted.oid)
    UNION ALL
    SELECT base.oid, typbasetype FROM base JOIN pg_catalog.pg_type AS t ON t.oid = base.type WHERE typtype = 'd'
), compared AS (
    -- Which columns are held against which, and whether by a foreign key's operator or by what one would take.
    SELECT NULL::oid AS of, pair.n, child AS "table", column_number, parent AS other, key_number,
           class.opcfamily AS family, class.opcintype AS key_type, NULL::oid AS operator
      FROM relation
     CROSS JOIN pair
      LEFT JOIN key_index ON true
      LEFT JOIN pg_catalog.pg_opclass AS class ON class.oid = classes[array_position(numbers, pair.key_number)]
    UNION
    SELECT cascade.oid, k.n, conrelid, k.column_number, confrelid, k.key_number, NULL, NULL, k.operator
      FROM cascade
     CROSS JOIN unnest(conkey, confkey, conpfeqop) WITH ORDINALITY AS k(column_number, key_number, operator, n)
), equality AS (
    -- What a foreign key compares with. The = that the search_path leads to may be another: citext's lies in its
    -- extension's schema, and where that is out of sight 'Ada' and 'ada' are two. A column that the key's operators do
    -- not know is read as the key's type: in text trailing blanks count, and as char(3) they do not. Where the two
    -- have collations of their own the key's counts.
    SELECT compared.of, compared.n, op.oprcode, read.castfunc,
           ARRAY[a.attcollation, k.attcollation,
                 (SELECT rngcollation FROM pg_catalog.pg_range WHERE rngtypid = a.atttypid)] AS collations,
           json_build_array(
               opn.nspname, op.oprname, rn.nspname, rt.typname, qn.nspname, q.collname) AS comparison
      FROM compared
     CROSS JOIN LATERAL (
           SELECT atttypid, attcollation FROM pg_catalog.pg_attribute
            WHERE attrelid = compared.table AND attnum = compared.column_number LIMIT 1) AS a
     CROSS JOIN LATERAL (
           SELECT attcollation FROM pg_catalog.pg_attribute
            WHERE attrelid = compared.other AND attnum = compared.key_number LIMIT 1) AS k
      LEFT JOIN LATERAL (
           SELECT base.type FROM base JOIN pg_catalog.pg_type AS t ON t.oid = base.type
            WHERE base.oid = a.atttypid AND t.typtype <> 'd') AS below ON true
      LEFT JOIN LATERAL (
           SELECT amopopr FROM pg_catalog.pg_amop
            WHERE amopfamily = compared.family AND amopstrategy = 3 AND amoplefttype = compared.key_type
              AND amoprighttype IN (coalesce(below.type, a.atttypid), compared.key_type)
            ORDER BY amoprighttype = compared.key_type LIMIT 1) AS member ON true
      LEFT JOIN LATERAL (
           SELECT * FROM pg_catalog.pg_operator WHERE oid = coalesce(compared.operator, member.amopopr) LIMIT 1) AS op ON true
      LEFT JOIN pg_catalog.pg_namespace AS opn ON opn.oid = op.oprnamespace
      LEFT JOIN pg_catalog.pg_cast AS read
        ON read.castsource = coalesce(below.type, a.atttypid) AND read.casttarget = op.oprright AND read.castcontext = 'i'
      LEFT JOIN pg_catalog.pg_type AS rt ON rt.oid = read.casttarget AND read.castsource <> read.casttarget
      LEFT JOIN pg_catalog.pg_namespace AS rn ON rn.oid = rt.typnamespace
      LEFT JOIN pg_catalog.pg_collation AS q ON q.oid = k.attcollation AND a.attcollation NOT IN (0, k.attcollation)
      LEFT JOIN pg_catalog.pg_namespace AS qn ON qn.oid = q.collnamespace
), touched AS (
    SELECT child AS oid, is_set IS TRUE AS changed FROM relation CROSS JOIN decided
    UNION
    SELECT conrelid, confdeltype <> 'c' FROM cascade
), touched_part AS (
    SELECT oid, changed FROM touched
    UNION
    SELECT part.relid, changed FROM touched CROSS JOIN LATERAL pg_catalog.pg_partition_tree(oid) AS part
), set_column AS (
    SELECT a.attname AS name, a.attnum, a.attgenerated <> '' OR a.attidentity = 'a' AS is_given,
           a.attnotnull OR EXISTS (SELECT FROM pg_catalog.pg_type AS t WHERE t.oid = a.atttypid AND t.typnotnull) AS not_null,
           coalesce(pg_get_expr(d.adbin, d.adrelid), 'NULL') AS "default"
      FROM relation
     CROSS JOIN decided
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = child AND a.attname = ANY (sets) AND a.attnum > 0
      LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.attgenerated = ''
     WHERE decided.is_set
), trigger AS (
    SELECT t.tgname::text AS name, t.tgrelid::regclass::text AS table
      FROM touched_part
     CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_trigger WHERE tgrelid = touched_part.oid OFFSET 0) AS t
     WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
       -- bits of tgtype: 8 is DELETE, 16 is UPDATE
       AND t.tgtype & CASE WHEN changed THEN 16 ELSE 8 END <> 0
       -- A partition's copy needs no name of its own.
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS up WHERE up.oid = t.tgparentid AND up.tgenabled IN ('O', 'A'))
), tables AS (
    SELECT c.oid,
           json_build_object(
{described}
               ) AS description
      FROM (SELECT child AS oid FROM relation UNION SELECT parent FROM relation
            UNION SELECT conrelid FROM cascade UNION SELECT confrelid FROM cascade) AS wanted
     CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_class WHERE oid = wanted.oid LIMIT 1) AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
)
SELECT json_build_object(
    'absent', CASE WHEN named.child IS NULL THEN format('there is no table %s', asked.child)
                   WHEN named.parent IS NULL AND asked.parent IS NOT NULL
                        THEN format('there is no table %s', asked.parent)
                   ELSE (SELECT CASE WHEN column_number IS NULL THEN format('%s has no column %I', asked.child, pair.column)
                                ELSE format('%s has no column %I', asked.parent, pair.key) END
                           FROM pair WHERE column_number IS NULL OR key IS NOT NULL AND key_number IS NULL ORDER BY n LIMIT 1) END,
    'lacks_table', named.child IS NULL,
    -- What is asked that cannot be, of a table that is there; and why no row can violate it.
    'wrong', coalesce(
        (SELECT CASE WHEN is_primary THEN format('%s.%I is part of the primary key, which is never null', asked.child, asked.columns[1])
                     WHEN is_generated THEN format('%s.%I is generated: mend the columns that it is made of', asked.child, asked.columns[1])
                     END FROM own_null),
        (SELECT format('%s has no check %I, but another constraint of that name', asked.child, asked.name)
           FROM own_check WHERE contype <> 'c')),
    'holds', CASE WHEN child_kind IN ('r', 'p') THEN coalesce(
        (SELECT format('%s.%I is NOT NULL already', asked.child, asked.columns[1]) FROM own_null WHERE validated),
        (SELECT format('%s has a check %I already that is valid', asked.child, asked.name)
           FROM own_check WHERE contype = 'c' AND validated)) END,
    'expression', (SELECT expression FROM own_check WHERE contype = 'c'),
    'child', (SELECT description FROM tables WHERE tables.oid = relation.child),
    'parent', (SELECT description FROM tables WHERE tables.oid = relation.parent),
    'countable', child_kind IN ('r', 'p')
        AND (asked.parent IS NULL OR parent_kind IN ('r', 'p') AND EXISTS (SELECT FROM key_index)),
    'operators', (SELECT json_agg(comparison ORDER BY n) FROM equality WHERE equality.of IS NULL),
    'action', decided.action,
    'sets', CASE WHEN decided.is_set THEN decided.sets END,
    -- What the columns get. Without a default it is null.
    'defaults', (SELECT coalesce(json_object_agg(name, "default"), json_build_object()) FROM set_column),
    'undecided', CASE WHEN decided.action IS NULL THEN
        (SELECT CASE WHEN bool_or(word.contradicts)
                     THEN format('its keys %s say different things', string_agg(own_key.name, ' and ' ORDER BY name))
                     ELSE format('its key %s is ON DELETE %s, which does not say what becomes of orphans',
                                 min(own_key.name), upper(min(on_delete))) END
           FROM own_key CROSS JOIN word) END,
    'citus', to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL,
    'child_oid', relation.child::oid::bigint,
    'parent_oid', relation.parent::oid::bigint,
    -- The tables that lose rows, or have some changed, and those that their rows are also rows of.
    'losing', (SELECT json_agg(DISTINCT kin.relid::oid::bigint)
                 FROM touched
                CROSS JOIN LATERAL {kin_of_touched} AS kin),
    'published', {published},
    'foreign_keys', (SELECT coalesce(json_agg(own_key ORDER BY name), '[]') FROM own_key),
    -- of the child's rows, as of the last ANALYZE or VACUUM
    'estimate', (SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint
                   FROM (SELECT relation.child AS oid UNION SELECT relid FROM pg_catalog.pg_partition_tree(relation.child)) AS part
                  CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_class WHERE oid = part.oid LIMIT 1) AS c WHERE relkind = 'r'),
    'timestamp', (SELECT a.attname
                    FROM pg_catalog.pg_attribute AS a
                   WHERE a.attrelid = relation.child AND a.attnum > 0 AND NOT a.attisdropped
                     AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
                   ORDER BY lower(replace(a.attname, '_', '')) <> 'createdat', a.attnum LIMIT 1),
    'primary_key', {primary_key_of_child},
    'triggers', (SELECT coalesce(json_agg(trigger ORDER BY name), '[]') FROM trigger),
    'cascades', (SELECT coalesce(json_agg(json_build_object(
            'constraint', conname, 'depth', depth,
            'action', CASE confdeltype WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' ELSE 'set default' END,
            'table', (SELECT description FROM tables WHERE tables.oid = conrelid),
            'referenced', (SELECT description FROM tables WHERE tables.oid = confrelid),
            'columns', (SELECT json_agg(a.attname ORDER BY k.n)
                          FROM unnest(conkey) WITH ORDINALITY AS k(attnum, n)
                          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = conrelid AND a.attnum = k.attnum),
            'keys', (SELECT json_agg(a.attname ORDER BY k.n)
                       FROM unnest(confkey) WITH ORDINALITY AS k(attnum, n)
                       JOIN pg_catalog.pg_attribute AS a ON a.attrelid = confrelid AND a.attnum = k.attnum),
            'operators', (SELECT json_agg(comparison ORDER BY n) FROM equality WHERE equality.of = cascade.oid))
            ORDER BY depth, conname, cascade.oid), '[]')
        FROM cascade),
    'refusals', array_remove(ARRAY[
        CASE WHEN child_kind NOT IN ('r', 'p') THEN format('%s is not a table', asked.child) END,
        CASE WHEN parent_kind NOT IN ('r', 'p') THEN format('%s is not a table', asked.parent) END,
        -- Whoever is a superuser could damage the database itself.
        (SELECT format('%s is a table of PostgreSQL''s own', min(pg_class.oid::regclass::text))
           FROM relation JOIN pg_catalog.pg_class ON pg_class.oid = ANY (ARRAY[child::oid, parent::oid])
          WHERE relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)
         HAVING count(*) > 0),
        -- A session of a pooler's may have one that another client has left, in front of the real one.
        (SELECT format('%s is a temporary table: name the schema of the real one', min(oid::regclass::text))
           FROM relation JOIN pg_catalog.pg_class ON oid = ANY (ARRAY[child::oid, parent::oid])
          WHERE relpersistence = 't' HAVING count(*) > 0),
        -- Tables in parts from before there were partitions: children of the others' rows would all be orphans.
        (SELECT format('%s has tables that inherit from it (%s), whose rows are no parents to a foreign key: if they are '
                       'none here, add the key first, NOT VALID',
                       asked.parent, string_agg(inhrelid::regclass::text, ', ' ORDER BY inhrelid))
           FROM relation JOIN pg_catalog.pg_inherits ON inhparent = parent
          WHERE parent_kind = 'r' AND NOT EXISTS (SELECT FROM own_key) HAVING count(*) > 0),
        -- Rows that share a key, or have none, make "has no parent" mean something else than a foreign key would.
        (SELECT format('%s.%I may be null, so it is not a key', asked.parent, key)
           FROM pair WHERE NOT not_null ORDER BY n LIMIT 1),
        CASE WHEN asked.parent IS NOT NULL AND NOT EXISTS (SELECT FROM key_index)
            THEN format(CASE cardinality(key_numbers) WHEN 1 THEN '%s.%s is' ELSE '%s.(%s) are' END || ' not unique, so '
                        || CASE cardinality(key_numbers) WHEN 1 THEN 'it is not a key' ELSE 'they are no key' END,
                        asked.parent, (SELECT string_agg(quote_ident(key), ', ' ORDER BY n) FROM pair)) END,
        -- A key that was valid under one setting would be an orphan under ours.
        (SELECT format('whether %I and %I are equal hangs on the session''s settings, as TimeZone: give them one type',
                       pair.column, pair.key)
           FROM pair JOIN equality ON equality.of IS NULL AND equality.n = pair.n
          WHERE EXISTS (SELECT FROM pg_catalog.pg_proc AS f
                         WHERE f.oid IN (equality.oprcode, equality.castfunc) AND f.provolatile <> 'i')
          ORDER BY pair.n LIMIT 1),
        -- Rows that an index does not find would be orphans.
        (SELECT {resorted}
           FROM (SELECT unnest(collations) AS oid FROM equality
                 UNION SELECT unnest(collations) FROM key_index) AS used
           JOIN (
{stale_collations}
                ) AS stale ON stale.oid = used.oid
         HAVING count(*) > 0),
        -- Its rows lie elsewhere, under a ctid that means nothing here.
        CASE WHEN EXISTS (
            SELECT FROM pg_catalog.pg_partition_tree(relation.child)
             CROSS JOIN LATERAL (SELECT relkind FROM pg_catalog.pg_class WHERE oid = relid LIMIT 1) AS part
             WHERE part.relkind = 'f')
            THEN format('%s has a partition that is a foreign table', asked.child) END,
        -- PostgreSQL would refuse the statement itself.
        (SELECT format('%s is published (%s) and has no replica identity, so that nobody can %s its rows: give it a primary '
                       'key, or ALTER TABLE ... REPLICA IDENTITY FULL',
                       min(touched_part.oid::regclass::text), min(p.pubname),
                       CASE WHEN bool_or(changed) THEN 'change' ELSE 'delete' END)
           FROM pg_catalog.pg_publication AS p
          CROSS JOIN touched_part
          CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_class WHERE oid = touched_part.oid LIMIT 1) AS c
          WHERE CASE WHEN changed THEN p.pubupdate ELSE p.pubdelete END
            AND {without_identity}
         HAVING count(*) > 0),
        -- A rule may turn the statement, a cascade's too, into anything.
        (SELECT format('%s has the rule %I for %s', r.ev_class::regclass, r.rulename,
                       CASE r.ev_type WHEN '4' THEN 'DELETE' ELSE 'UPDATE' END)
           FROM touched
           JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = touched.oid
          WHERE r.ev_type = CASE WHEN changed THEN '2' ELSE '4' END AND r.ev_enabled IN ('O', 'A')
          ORDER BY 1 LIMIT 1),
        -- Older tables of ours cannot hold what a value was set to, see own_tables.sql.
        (SELECT 'the tables of sqlrail are of an older version, which only their owner can bring further: let them run '
                '`sqlrail stamp`'
           FROM pg_catalog.pg_class AS c
          WHERE is_set AND asked.kind <> 'relation' AND c.oid = to_regclass('sqlrail.archive') AND NOT pg_has_role(c.relowner, 'USAGE')
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute
                             WHERE attrelid = c.oid AND attname = 'became' AND NOT attisdropped)),
{whatever_is_cleaned},
        (SELECT format('the foreign key %s does not act, because triggers of %s are disabled (ALTER TABLE ... ENABLE '
                       'TRIGGER ALL)', string_agg(DISTINCT conname::text, ', '), min(confrelid::regclass::text))
           FROM touched JOIN foreign_key AS fk ON fk.of = touched.oid
          WHERE NOT changed AND NOT enabled HAVING count(*) > 0),
        -- By what else would restore find the row that has its value taken away?
        CASE WHEN is_set AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = relation.child AND contype = 'p')
            THEN format('%s has no primary key, so no restore could find the rows that were changed: add one, or say '
                        '`delete` instead of `%s`', asked.child, action) END,
        (SELECT format('%s is part of the primary key of %s, by which a restore would look for the changed rows',
                       string_agg(quote_ident(name), ', ' ORDER BY set_column.attnum), asked.child)
           FROM set_column
           JOIN pg_catalog.pg_constraint AS pk ON pk.conrelid = relation.child AND pk.contype = 'p' AND attnum = ANY (pk.conkey)
         HAVING count(*) > 0),
        (SELECT format('%s may not be null, so it cannot be %s: say `delete`, or drop the NOT NULL',
                       string_agg(quote_ident(name), ', ' ORDER BY attnum), replace(action, 'set ', 'set to '))
           FROM set_column
          WHERE action <> 'set value' AND not_null AND (action = 'set null' OR "default" = 'NULL') AND NOT is_given HAVING count(*) > 0),
        (SELECT format('%s is generated, and cannot be set', string_agg(quote_ident(name), ', ' ORDER BY attnum))
           FROM set_column WHERE is_given HAVING count(*) > 0),
        -- A row that moves fires other triggers than an UPDATE's.
        (SELECT format('%s is in the partition key of %s, so the rows would move', string_agg(DISTINCT quote_ident(name), ', '),
                       min(part.partrelid::regclass::text))
           FROM set_column
          CROSS JOIN LATERAL (
                SELECT relid FROM pg_catalog.pg_partition_ancestors(relation.child)
                UNION SELECT relid FROM pg_catalog.pg_partition_tree(relation.child)) AS kin
           JOIN pg_catalog.pg_partitioned_table AS part ON part.partrelid = kin.relid
          WHERE part.partexprs IS NOT NULL
             OR EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                         WHERE a.attrelid = part.partrelid AND a.attname = name AND a.attnum = ANY (part.partattrs::int2[]))
         HAVING count(*) > 0),
        -- What a change of a change reaches is not archived.
        (SELECT format('the rows that are set to null or default are referred to by %s, which would carry that on '
                       '(ON UPDATE)', string_agg(DISTINCT fk.conname::text, ', '))
           FROM (SELECT conrelid, conkey FROM cascade WHERE confdeltype <> 'c'
                 UNION ALL
                 SELECT relation.child, array_agg(attnum) FROM set_column) AS changed
           JOIN foreign_key AS fk ON fk.of = changed.conrelid
          WHERE fk.confupdtype IN ('c', 'n', 'd') AND fk.confkey && changed.conkey
         HAVING count(*) > 0),
        -- What a trigger does to other rows cannot be archived, for nobody knows it.
        (SELECT format('the trigger%s %s would fire: see what %s, then allow %s by name (--allow-triggers %s)',
                       CASE WHEN count(*) > 1 THEN 's' END, string_agg(format('%I on %s', name, "table"), ', '),
                       CASE WHEN count(*) > 1 THEN 'they do' ELSE 'it does' END,
                       CASE WHEN count(*) > 1 THEN 'them' ELSE 'it' END, string_agg(
                           CASE WHEN name ~ '[",]|^\s|\s$' THEN '"' || replace(name, '"', '""') || '"' ELSE name END, ','))
           FROM trigger WHERE name <> ALL ({allow_triggers}::text[]) HAVING count(*) > 0),
        (SELECT format('deleting would cascade in a circle through %s', string_agg(DISTINCT conname::text, ', '))
           FROM cascade WHERE circular HAVING count(*) > 0)
    ], NULL)) AS facts
  FROM named LEFT JOIN relation ON true LEFT JOIN decided ON true) AS told
 ORDER BY asked.n
