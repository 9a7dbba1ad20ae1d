-- Indexes of a table that are the same but for their names: each costs every write, and one of them would do. Constraints
-- need theirs; two constraints that say the same are another row's.
WITH alike AS (
    SELECT c.oid, c.relname, c.relkind, format('%I.%I', n.nspname, x.relname) AS name, n.nspname,
           EXISTS (SELECT FROM pg_catalog.pg_constraint AS d WHERE d.conindid = c.oid AND d.contype IN ('p', 'u', 'x')) AS is_held,
           -- A foreign key depends on a unique index, and its constraint on nothing else.
           i.indisreplident OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS d WHERE d.conindid = c.oid AND d.contype = 'f') AS is_needed,
           row_number() OVER same AS number, first_value(c.relname) OVER same AS kept
      FROM pg_catalog.pg_index AS i
      JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
      JOIN pg_catalog.pg_class AS x ON x.oid = i.indrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
     WHERE i.indisvalid AND NOT c.relispartition AND {tables}
    WINDOW same AS (PARTITION BY i.indrelid, c.relam, i.indkey::text, i.indnkeyatts, i.indclass::text, i.indcollation::text,
                                 i.indoption::text, i.indisunique, i.indimmediate, i.indnullsnotdistinct,
                                 pg_get_expr(i.indexprs, i.indrelid), pg_get_expr(i.indpred, i.indrelid)
                    ORDER BY i.indisprimary DESC,
                             EXISTS (SELECT FROM pg_catalog.pg_constraint AS d WHERE d.conindid = c.oid AND d.contype IN ('p', 'u', 'x')) DESC,
                             i.indisreplident DESC,
                             EXISTS (SELECT FROM pg_catalog.pg_constraint AS d WHERE d.conindid = c.oid) DESC,
                             length(c.relname), c.oid)
)
SELECT name, format('index %I', relname), format('it is the same as %I: each write keeps up both', kept),
       CASE WHEN is_needed THEN format('a foreign key or the replica identity depends on it: make that use %I, then drop it', kept) END,
       CASE WHEN relkind = 'I' AND NOT is_needed THEN ARRAY[format('DROP INDEX %I.%I', nspname, relname)] END,
       CASE WHEN relkind = 'i' AND NOT is_needed THEN ARRAY[format('DROP INDEX CONCURRENTLY %I.%I', nspname, relname)] END,
       NULL::jsonb, NULL::text
  FROM alike
 WHERE number > 1 AND NOT is_held
 ORDER BY 1, 2;
