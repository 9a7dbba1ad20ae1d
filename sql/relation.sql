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
), cascade AS (
    -- Foreign keys that would delete or change rows elsewhere when a child's row is deleted, path by path.
    SELECT 1 AS depth, fk.oid, fk.conname, fk.conrelid, fk.confrelid, fk.conkey, fk.confkey, fk.confdeltype,
           ARRAY[fk.confrelid, fk.conrelid] AS path, fk.conrelid = fk.confrelid AS circular
      FROM relation
      JOIN pg_catalog.pg_constraint AS fk ON fk.confrelid = child
     WHERE fk.contype = 'f' AND fk.confdeltype IN ('c', 'n', 'd') AND fk.conparentid = 0
    UNION ALL
    SELECT depth + 1, fk.oid, fk.conname, fk.conrelid, fk.confrelid, fk.conkey, fk.confkey, fk.confdeltype,
           path || fk.conrelid, fk.conrelid = ANY (path)
      FROM cascade
      JOIN pg_catalog.pg_constraint AS fk ON fk.confrelid = cascade.conrelid
     WHERE cascade.confdeltype = 'c' AND NOT circular
       AND fk.contype = 'f' AND fk.confdeltype IN ('c', 'n', 'd') AND fk.conparentid = 0
), touched AS (
    SELECT child AS oid, false AS changed FROM relation
    UNION
    SELECT conrelid, confdeltype <> 'c' FROM cascade
), trigger AS (
    SELECT t.tgname::text AS name, t.tgrelid::regclass::text AS table
      FROM touched
      JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = touched.oid
     WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
       -- bits of tgtype: 8 is DELETE, 16 is UPDATE
       AND t.tgtype & CASE WHEN changed THEN 16 ELSE 8 END <> 0
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
            UNION SELECT conrelid FROM cascade) AS wanted
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
        -- A rule may turn the DELETE into anything.
        CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_rewrite WHERE ev_class = relation.child AND ev_type = '4')
            THEN format('%s has a rule for DELETE', {child}) END,
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
