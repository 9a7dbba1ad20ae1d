-- Constraints of a table that say the same, as sync({{ alter: true }}) adds them at each start. Kept is the one that
-- foreign keys depend on, or that has been validated, or the shortest name: the first that was given. A row of each illness is
--   table, object  what is ill, as SQL spells it
--   reason         why that is one
--   advice         what a person has to decide, where no statement can
--   now, later     what mends it in one transaction; and after that, each statement on its own
--   relation       whose orphans are counted, and have to go first: [child], [columns], [parent], [keys]
--   counts         what counts the rows that are in the way
WITH leaning AS (
    SELECT fk.conindid AS index, string_agg(DISTINCT format('%I.%I', n.nspname, c.relname), ', ') AS tables
      FROM pg_catalog.pg_constraint AS fk
      JOIN pg_catalog.pg_class AS c ON c.oid = fk.conrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE fk.contype = 'f'
     GROUP BY fk.conindid
), said AS (
    SELECT d.oid, d.conname, d.contype, d.convalidated, format('%I.%I', n.nspname, x.relname) AS name,
           regexp_replace(regexp_replace(pg_get_constraintdef(d.oid), ' NOT VALID$', ''), '^PRIMARY KEY', 'UNIQUE') AS definition,
           leaning.tables AS leaning,
           coalesce((SELECT i.indisreplident FROM pg_catalog.pg_index AS i
                      WHERE i.indexrelid = d.conindid AND d.contype IN ('p', 'u')), false) AS is_identity
      FROM pg_catalog.pg_constraint AS d
      JOIN pg_catalog.pg_class AS x ON x.oid = d.conrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
      LEFT JOIN leaning ON leaning.index = d.conindid AND d.contype IN ('p', 'u')
     WHERE d.contype IN ('c', 'f', 'p', 'u', 'x') AND d.conparentid = 0 AND d.coninhcount = 0 AND {tables}
), ranked AS (
    SELECT *, row_number() OVER alike AS number, first_value(conname) OVER alike AS kept
      FROM said
    WINDOW alike AS (PARTITION BY name, definition
                     ORDER BY contype = 'p' DESC, leaning IS NOT NULL DESC, is_identity DESC, convalidated DESC,
                              length(conname), oid)
)
SELECT name, format('constraint %I', conname), format('it says the same as %I: %s', kept, definition),
       CASE WHEN leaning IS NOT NULL THEN format('foreign keys of %s depend on it: add them again, which makes them use %I, then drop it', leaning, kept)
            WHEN is_identity THEN format('it is the replica identity: make another that, then drop it') END,
       CASE WHEN leaning IS NULL AND NOT is_identity THEN ARRAY[format('ALTER TABLE %s DROP CONSTRAINT %I', name, conname)] END,
       NULL::text[], NULL::jsonb, NULL::text
  FROM ranked
 WHERE number > 1
 ORDER BY name, length(conname), conname;
