-- Of many relations those that no guard of _relation.sql can have anything against, whatever their rows are: a plain key of
-- one column between two ordinary tables, with nothing that acts when a row of the child goes. What is said of them is what
-- _relation.sql says, as far as a look needs it that finds no orphan: change both (test_relations.py holds them together).
-- What is not among them is looked at there.
WITH asked AS MATERIALIZED (
    SELECT n, columns, keys, action, otherwise,
           {child} AS child, {parent} AS parent
      FROM pg_catalog.jsonb_to_recordset({relations}::jsonb)
           AS asked(n int, child text, columns text[], parent text, keys text[], action text, otherwise text)
     WHERE pg_catalog.cardinality(columns) = 1
), own_key AS (
    SELECT asked.n, fk.conname, fk.convalidated, fk.confdeltype, fk.conindid, fk.conpfeqop[1] AS operator,
           asked.child, asked.parent, asked.columns, cc.relname AS child_name, cn.nspname AS child_schema,
           pc.relname AS parent_name, pn.nspname AS parent_schema, cc.relreplident, cc.reltuples, c.attnotnull,
           NOT cc.relrowsecurity AND NOT pc.relrowsecurity AS is_open,
           c.attgenerated <> '' OR c.attidentity = 'a' AS is_given, c.attnum, c.atttypid, c.attcollation,
           CASE WHEN asked.action IS NOT NULL THEN asked.action
                WHEN fk.confdeltype = 'c' THEN 'delete'
                WHEN fk.confdeltype = 'n' THEN 'set null'
                WHEN fk.confdeltype = 'd' THEN 'set default'
                ELSE asked.otherwise END AS action,
           pg_catalog.count(*) OVER (PARTITION BY asked.n) AS keys
      FROM asked
      JOIN pg_catalog.pg_constraint AS fk
        ON fk.conrelid = asked.child AND fk.confrelid = asked.parent AND fk.contype = 'f'
           AND pg_catalog.cardinality(fk.conkey) = 1
      JOIN pg_catalog.pg_attribute AS c
        ON c.attrelid = asked.child AND c.attnum = fk.conkey[1] AND c.attname::text = asked.columns[1]
      JOIN pg_catalog.pg_attribute AS p
        ON p.attrelid = asked.parent AND p.attnum = fk.confkey[1] AND p.attname::text = asked.keys[1] AND p.attnotnull
           AND p.atttypid = c.atttypid AND p.attcollation = c.attcollation
      JOIN pg_catalog.pg_class AS cc
        ON cc.oid = asked.child AND cc.relkind = 'r' AND cc.relpersistence <> 't' AND NOT cc.relispartition
           AND NOT cc.relhasrules
      JOIN pg_catalog.pg_class AS pc
        ON pc.oid = asked.parent AND pc.relkind = 'r' AND pc.relpersistence <> 't' AND NOT pc.relispartition
      JOIN pg_catalog.pg_namespace AS cn ON cn.oid = cc.relnamespace
      JOIN pg_catalog.pg_namespace AS pn ON pn.oid = pc.relnamespace
     WHERE cn.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
       AND pn.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
), busy AS (
    -- A delete or an update of its rows runs somebody's function, reaches other tables, or does not act as it should.
    SELECT DISTINCT own_key.n
      FROM own_key
      JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = own_key.child
      LEFT JOIN pg_catalog.pg_constraint AS fk ON fk.oid = t.tgconstraint
     WHERE t.tgenabled NOT IN ('O', 'A')
        -- bits of tgtype: 8 is DELETE, 16 is UPDATE
        OR NOT t.tgisinternal AND t.tgtype::int & CASE own_key.action WHEN 'set null' THEN 16 ELSE 8 END <> 0
        OR t.tgisinternal AND t.tgtype::int & 8 <> 0
           AND (fk.confdeltype NOT IN ('a', 'r') OR fk.confupdtype NOT IN ('a', 'r'))
), stale AS MATERIALIZED (
    SELECT oid FROM (
{stale_collations}
           ) AS collation_
)
SELECT own_key.n, pg_catalog.json_build_object(
           'absent', NULL,
           'child', pg_catalog.json_build_object(
               'name', pg_catalog.format('%I.%I', child_schema, child_name), 'schema', child_schema,
               'table', child_name, 'only', true),
           'parent', pg_catalog.json_build_object(
               'name', pg_catalog.format('%I.%I', parent_schema, parent_name), 'schema', parent_schema,
               'table', parent_name, 'only', true),
           'countable', true,
           'operators', pg_catalog.json_build_array(pg_catalog.json_build_array(
               opn.nspname, op.oprname, rn.nspname, rt.typname, NULL, NULL)),
           'action', own_key.action,
           'sets', CASE own_key.action WHEN 'set null' THEN own_key.columns END,
           'undecided', CASE WHEN own_key.action IS NULL THEN
               pg_catalog.format('its key %s is ON DELETE %s, which does not say what becomes of orphans',
                                 conname, CASE confdeltype WHEN 'a' THEN 'NO ACTION' ELSE 'RESTRICT' END) END,
           'citus', false,
           -- Whoever may not read it shall hear so.
           'is_empty', CASE WHEN is_open AND pg_catalog.has_table_privilege(own_key.child, 'SELECT')
                                 AND pg_catalog.has_table_privilege(own_key.parent, 'SELECT')
                            THEN pg_catalog.pg_relation_size(own_key.child) = 0 ELSE false END,
           'child_oid', own_key.child::bigint,
           'parent_oid', own_key.parent::bigint,
           'estimate', greatest(own_key.reltuples, 0)::pg_catalog.int8,
           'losing', pg_catalog.json_build_array(own_key.child::bigint),
           'foreign_keys', pg_catalog.json_build_array(pg_catalog.json_build_object(
               'name', conname, 'validated', convalidated,
               'on_delete', CASE confdeltype WHEN 'a' THEN 'no action' WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade'
                                 ELSE 'set null' END,
               'sets', CASE confdeltype WHEN 'n' THEN own_key.columns END)),
           'triggers', pg_catalog.json_build_array(),
           'cascades', pg_catalog.json_build_array(),
           'refusals', pg_catalog.json_build_array())
  FROM own_key
  JOIN pg_catalog.pg_index AS i ON i.indexrelid = own_key.conindid AND i.indisprimary AND i.indisvalid
  JOIN pg_catalog.pg_type AS t ON t.oid = own_key.atttypid AND t.typtype IN ('b', 'e')
  JOIN pg_catalog.pg_operator AS op ON op.oid = own_key.operator
  JOIN pg_catalog.pg_namespace AS opn ON opn.oid = op.oprnamespace
  LEFT JOIN pg_catalog.pg_cast AS read
    ON read.castsource = own_key.atttypid AND read.casttarget = op.oprright AND read.castcontext = 'i'
  LEFT JOIN pg_catalog.pg_type AS rt ON rt.oid = read.casttarget AND read.castsource <> read.casttarget
  LEFT JOIN pg_catalog.pg_namespace AS rn ON rn.oid = rt.typnamespace
  LEFT JOIN pg_catalog.pg_index AS own ON own.indrelid = own_key.child AND own.indisprimary
 WHERE own_key.keys = 1
   AND own_key.confdeltype <> 'd' AND own_key.action IS DISTINCT FROM 'set default'
   AND (own_key.action IS DISTINCT FROM 'set null'
        OR own.indrelid IS NOT NULL AND own_key.attnum <> ALL (own.indkey::int2[]) AND NOT attnotnull AND NOT is_given)
   AND own_key.n NOT IN (SELECT n FROM busy)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_proc AS f
                    WHERE f.oid IN (op.oprcode::oid, read.castfunc) AND f.provolatile <> 'i')
   AND NOT EXISTS (SELECT FROM stale WHERE stale.oid IN (own_key.attcollation, i.indcollation[0]))
   AND (own_key.relreplident = 'f' OR own_key.relreplident = 'd' AND own.indisvalid
        OR NOT EXISTS (SELECT FROM pg_catalog.pg_publication))
   -- What is so for all of them.
   AND pg_catalog.current_setting('session_replication_role') <> 'replica'
   AND pg_catalog.to_regclass('pg_catalog.pg_dist_partition') IS NULL
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_class AS ours
                    WHERE ours.relnamespace = pg_catalog.to_regnamespace('sqlrail') AND ours.relname IN ('archive', 'run')
                      AND (ours.relhasrules
                           OR EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = ours.oid AND NOT tgisinternal)));
