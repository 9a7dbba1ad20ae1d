-- What has to be switched off in the scratch database for rows to come in as they are, and what switches it on again, each
-- as a statement: triggers, forced policies, constraints that hold for new rows only, and, where their triggers act, keys. A
-- key whose parent is not copied comes back as one that is not validated; where that cannot be, the parent is named.
WITH tables AS (
    SELECT unnest({tables}::oid[]) AS oid
), above AS (
    SELECT oid FROM tables
    UNION
    SELECT pg_partition_ancestors(t.oid)::oid FROM tables AS t
), keys AS (
    SELECT k.*, r.relkind,
           ARRAY(SELECT p.oid
                   FROM (SELECT k.confrelid AS oid UNION SELECT relid FROM pg_partition_tree(k.confrelid)) AS part
                   JOIN pg_class AS p ON p.oid = part.oid AND p.relkind = 'r'
                  WHERE p.oid NOT IN (SELECT t.oid FROM tables AS t)) AS lacking
      FROM pg_constraint AS k
      JOIN pg_class AS r ON r.oid = k.conrelid
     WHERE NOT {silent} AND k.contype = 'f' AND k.conparentid = 0 AND k.conrelid IN (SELECT oid FROM above)
       AND to_jsonb(k) ->> 'conenforced' IS DISTINCT FROM 'false'
)
SELECT format('ALTER TABLE ONLY %s DISABLE TRIGGER %I;', t.tgrelid::regclass, t.tgname) AS off,
       format('ALTER TABLE ONLY %s ENABLE %sTRIGGER %I;', t.tgrelid::regclass,
              CASE t.tgenabled WHEN 'A' THEN 'ALWAYS ' WHEN 'R' THEN 'REPLICA ' ELSE '' END, t.tgname) AS back,
       ARRAY[]::bigint[] AS lacking
  FROM pg_trigger AS t
 WHERE t.tgrelid IN (SELECT oid FROM above) AND NOT t.tgisinternal AND t.tgenabled <> 'D'
UNION ALL
SELECT format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY;', c.oid::regclass),
       format('ALTER TABLE %s FORCE ROW LEVEL SECURITY;', c.oid::regclass), ARRAY[]::bigint[]
  FROM pg_class AS c
 WHERE c.oid IN (SELECT oid FROM above) AND c.relforcerowsecurity
UNION ALL
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I;', k.conrelid::regclass, k.conname),
       format('ALTER TABLE %s ADD CONSTRAINT %I %s;', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid)),
       ARRAY[]::bigint[]
  FROM pg_constraint AS k
 WHERE k.contype IN ('c', 'n') AND k.conrelid <> 0 AND NOT k.convalidated AND k.coninhcount = 0
   AND to_jsonb(k) ->> 'conenforced' IS DISTINCT FROM 'false'
UNION ALL
SELECT format('ALTER DOMAIN %s DROP CONSTRAINT %I;', k.contypid::regtype, k.conname),
       format('ALTER DOMAIN %s ADD CONSTRAINT %I %s;', k.contypid::regtype, k.conname, pg_get_constraintdef(k.oid)),
       ARRAY[]::bigint[]
  FROM pg_constraint AS k
 WHERE k.contype = 'c' AND k.contypid <> 0 AND NOT k.convalidated
UNION ALL
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I;', k.conrelid::regclass, k.conname),
       format('ALTER TABLE %s ADD CONSTRAINT %I %s%s;', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid),
              CASE WHEN k.convalidated AND k.lacking <> ARRAY[]::oid[] THEN ' NOT VALID' END),
       CASE WHEN k.relkind = 'p' AND current_setting('server_version_num')::int < 180000 THEN k.lacking
            ELSE ARRAY[]::oid[] END::bigint[]
  FROM keys AS k
UNION ALL
-- Of what is partitioned by hashes all comes in by the whole, and finds its place there.
SELECT '', '', ARRAY(SELECT l.relid FROM pg_partition_tree(pg_partition_root(a.oid)) AS l
                      WHERE l.isleaf AND l.relid NOT IN (SELECT oid FROM tables))::oid[]::bigint[]
  FROM above AS a
  JOIN pg_partitioned_table AS p ON p.partrelid = a.oid AND p.partstrat = 'h';
