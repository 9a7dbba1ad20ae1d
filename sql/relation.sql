-- What the catalog says of a relation: one row of names, and what forbids a cleanup. Where a table or a column is
-- missing there is nothing to clean; "absent" says which.
WITH RECURSIVE named AS (
    SELECT to_regclass({child}) AS child, to_regclass({parent}) AS parent
), relation AS (
    SELECT child, parent, c.attname AS column, c.attnum AS column_number, p.attname AS key, p.attnum AS key_number,
           p.attnotnull AS key_not_null, cc.relkind AS child_kind, pc.relkind AS parent_kind
      FROM named
      JOIN pg_catalog.pg_class AS cc ON cc.oid = child
      JOIN pg_catalog.pg_class AS pc ON pc.oid = parent
      JOIN pg_catalog.pg_attribute AS c ON c.attrelid = child AND c.attname = {column} AND NOT c.attisdropped
      JOIN pg_catalog.pg_attribute AS p ON p.attrelid = parent AND p.attname = {key} AND NOT p.attisdropped
), acts AS (
    -- What DELETE does to a key's other side is done by triggers; a NOT ENFORCED key has none.
    SELECT CASE fk.conparentid WHEN 0 THEN fk.oid ELSE fk.conparentid END AS oid,
           bool_and(t.tgenabled IN ('O', 'A')) AS enabled
      FROM pg_catalog.pg_constraint AS fk
      JOIN pg_catalog.pg_trigger AS t ON t.tgconstraint = fk.oid
     WHERE fk.contype = 'f' AND t.tgtype & 8 <> 0
     GROUP BY 1
), foreign_key AS (
    -- Each with every table whose rows it may refer to: a partition's rows are its ancestors' too.
    SELECT of.oid AS of, fk.oid, fk.conname, fk.conrelid, fk.confrelid, fk.conkey, fk.confkey, fk.confdeltype,
           fk.confupdtype, acts.enabled
      FROM pg_catalog.pg_constraint AS fk
     CROSS JOIN LATERAL (
           SELECT fk.confrelid AS oid
           UNION SELECT relid FROM pg_catalog.pg_partition_ancestors(fk.confrelid)
           UNION SELECT relid FROM pg_catalog.pg_partition_tree(fk.confrelid)) AS of
      JOIN acts ON acts.oid = fk.oid
     WHERE fk.contype = 'f' AND fk.conparentid = 0
), cascade AS (
    -- Foreign keys that would delete or change rows elsewhere when a child's row is deleted, path by path.
    SELECT 1 AS depth, fk.oid, fk.conname, fk.conrelid, fk.confrelid, fk.conkey, fk.confkey, fk.confdeltype,
           ARRAY[fk.of, fk.conrelid] AS path, fk.conrelid = fk.of AS circular
      FROM relation
      JOIN foreign_key AS fk ON fk.of = child
     WHERE fk.confdeltype IN ('c', 'n', 'd')
    UNION ALL
    SELECT depth + 1, fk.oid, fk.conname, fk.conrelid, fk.confrelid, fk.conkey, fk.confkey, fk.confdeltype,
           path || fk.conrelid, fk.conrelid = ANY (path)
      FROM cascade
      JOIN foreign_key AS fk ON fk.of = cascade.conrelid
     WHERE cascade.confdeltype = 'c' AND NOT circular
       AND fk.confdeltype IN ('c', 'n', 'd')
), touched AS (
    SELECT child AS oid, false AS changed FROM relation
    UNION
    SELECT conrelid, confdeltype <> 'c' FROM cascade
), touched_part AS (
    SELECT oid, changed FROM touched
    UNION
    SELECT part.relid, changed FROM touched CROSS JOIN LATERAL pg_catalog.pg_partition_tree(oid) AS part
), trigger AS (
    SELECT t.tgname::text AS name, t.tgrelid::regclass::text AS table
      FROM touched_part
      JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = touched_part.oid
     WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
       -- bits of tgtype: 8 is DELETE, 16 is UPDATE
       AND t.tgtype & CASE WHEN changed THEN 16 ELSE 8 END <> 0
       -- A partition's copy needs no name of its own.
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS up WHERE up.oid = t.tgparentid AND up.tgenabled IN ('O', 'A'))
), tables AS (
    SELECT c.oid,
           json_build_object(
               'name', format('%I.%I', n.nspname, c.relname), 'schema', n.nspname, 'table', c.relname,
               'only', c.relkind <> 'p',
               'columns', (SELECT json_agg(a.attname ORDER BY a.attnum)
                             FROM pg_catalog.pg_attribute AS a
                            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                              AND a.attgenerated = '')) AS description
      FROM (SELECT child AS oid FROM relation UNION SELECT parent FROM relation
            UNION SELECT conrelid FROM cascade UNION SELECT confrelid FROM cascade) AS wanted
      JOIN pg_catalog.pg_class AS c USING (oid)
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
)
SELECT json_build_object(
    'absent', CASE WHEN named.child IS NULL THEN format('there is no table %s', {child})
                   WHEN named.parent IS NULL THEN format('there is no table %s', {parent})
                   WHEN relation.child IS NULL AND NOT EXISTS (
                       SELECT FROM pg_catalog.pg_attribute WHERE attrelid = named.child AND attname = {column}
                          AND NOT attisdropped) THEN format('%s has no column %I', {child}, {column})
                   WHEN relation.child IS NULL THEN format('%s has no column %I', {parent}, {key}) END,
    'child', (SELECT description FROM tables WHERE tables.oid = relation.child),
    'parent', (SELECT description FROM tables WHERE tables.oid = relation.parent),
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
                       JOIN pg_catalog.pg_attribute AS a ON a.attrelid = confrelid AND a.attnum = k.attnum))
            ORDER BY depth, conname, cascade.oid), '[]')
        FROM cascade),
    'refusals', array_remove(ARRAY[
        CASE WHEN child_kind NOT IN ('r', 'p') THEN format('%s is not a table', {child}) END,
        CASE WHEN parent_kind NOT IN ('r', 'p') THEN format('%s is not a table', {parent}) END,
        -- Rows that share a key, or have none, make "has no parent" mean something else than a foreign key would.
        CASE WHEN NOT key_not_null THEN format('%s.%I may be null, so it is not a key', {parent}, {key}) END,
        CASE WHEN NOT EXISTS (
            SELECT FROM pg_catalog.pg_index AS i
             WHERE i.indrelid = relation.parent AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL
               AND i.indnkeyatts = 1 AND i.indkey[0] = key_number)
            THEN format('%s.%I is not unique, so it is not a key', {parent}, {key}) END,
        -- Its rows lie elsewhere, under a ctid that means nothing here.
        CASE WHEN EXISTS (
            SELECT FROM pg_catalog.pg_partition_tree(relation.child) JOIN pg_catalog.pg_class ON oid = relid
             WHERE relkind = 'f')
            THEN format('%s has a partition that is a foreign table', {child}) END,
        -- A rule may turn the statement, a cascade's too, into anything.
        (SELECT format('%s has the rule %I for %s', r.ev_class::regclass, r.rulename,
                       CASE r.ev_type WHEN '4' THEN 'DELETE' ELSE 'UPDATE' END)
           FROM touched
           JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = touched.oid
          WHERE r.ev_type = CASE WHEN changed THEN '2' ELSE '4' END AND r.ev_enabled IN ('O', 'A')
          ORDER BY 1 LIMIT 1),
        -- Keys and triggers would not act, and rows be left behind that they should have taken along.
        CASE WHEN current_setting('session_replication_role') = 'replica'
            THEN 'session_replication_role is replica, so no foreign key acts' END,
        (SELECT format('the foreign key %s does not act, because triggers of %s are disabled (ALTER TABLE ... ENABLE '
                       'TRIGGER ALL)', string_agg(DISTINCT conname::text, ', '), min(confrelid::regclass::text))
           FROM touched JOIN foreign_key AS fk ON fk.of = touched.oid
          WHERE NOT changed AND NOT enabled HAVING count(*) > 0),
        -- What a change of a change reaches is not archived.
        (SELECT format('the rows that are set to null or default are referred to by %s, which would carry that on '
                       '(ON UPDATE)', string_agg(DISTINCT fk.conname::text, ', '))
           FROM cascade JOIN foreign_key AS fk ON fk.of = cascade.conrelid
          WHERE cascade.confdeltype <> 'c' AND fk.confupdtype IN ('c', 'n', 'd') AND fk.confkey && cascade.conkey
         HAVING count(*) > 0),
        -- What a trigger does to other rows cannot be archived, for nobody knows it.
        (SELECT format('the trigger%s %s would fire: see what %s, then allow %s by name (--allow-triggers %s)',
                       CASE WHEN count(*) > 1 THEN 's' END, string_agg(format('%I on %s', name, "table"), ', '),
                       CASE WHEN count(*) > 1 THEN 'they do' ELSE 'it does' END,
                       CASE WHEN count(*) > 1 THEN 'them' ELSE 'it' END, string_agg(name, ','))
           FROM trigger WHERE name <> ALL ({allow_triggers}::text[]) HAVING count(*) > 0),
        (SELECT format('deleting would cascade in a circle through %s', string_agg(DISTINCT conname::text, ', '))
           FROM cascade WHERE circular HAVING count(*) > 0)
    ], NULL))
  FROM named LEFT JOIN relation ON true;
