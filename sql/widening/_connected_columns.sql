-- The columns that get another type together: the one that was named, and those that foreign keys lead to or from, to all of
-- these, but for such as have the type. A part of a WITH RECURSIVE.
widened(relid, attnum) AS (
    SELECT c.oid, a.attnum
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE n.nspname = {schema} AND c.relname = {table} AND a.attname = {column}
    UNION
    SELECT a.attrelid, a.attnum
      FROM widened AS w
      JOIN pg_catalog.pg_constraint AS fk ON fk.contype = 'f' AND w.relid IN (fk.conrelid, fk.confrelid)
     CROSS JOIN LATERAL unnest(fk.conkey, fk.confkey) AS pair(child, parent)
      JOIN pg_catalog.pg_attribute AS a
        ON (w.relid, w.attnum) = (fk.confrelid, pair.parent) AND (a.attrelid, a.attnum) = (fk.conrelid, pair.child)
        OR (w.relid, w.attnum) = (fk.conrelid, pair.child) AND (a.attrelid, a.attnum) = (fk.confrelid, pair.parent)
     WHERE (a.atttypid, a.atttypmod) <> ({type}::oid, {modifier})
)
