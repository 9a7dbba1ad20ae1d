-- The columns that get the larger type together: the one that was named, and those of tables whose foreign keys lead to it,
-- or to one of these, and are as narrow. A part of a WITH RECURSIVE.
widened(relid, attnum) AS (
    SELECT c.oid, a.attnum
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE n.nspname = {schema} AND c.relname = {table} AND a.attname = {column}
    UNION
    SELECT fk.conrelid, a.attnum
      FROM widened AS w
      JOIN pg_catalog.pg_constraint AS fk ON fk.contype = 'f' AND fk.confrelid = w.relid
     CROSS JOIN LATERAL unnest(fk.conkey, fk.confkey) AS pair(child, parent)
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = fk.conrelid AND a.attnum = pair.child
     WHERE pair.parent = w.attnum AND a.atttypid = ANY ({narrower}::regtype[])
)
