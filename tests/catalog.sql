-- One line for each column, constraint and further index of the tables in current_schema(). Index names are left out,
-- because an ORM's are as good as ours, and so are NOT NULL constraints, which have rows of their own only from 18 on.
WITH tables AS (
    SELECT pg_class.oid, relname::text AS name FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = current_schema() AND relkind = 'r' AND relname !~ 'yoyo'
)
SELECT name || ': ' || concat_ws(' ', attname, format_type(atttypid, atttypmod),
                                 CASE WHEN attnotnull THEN 'NOT NULL' END,
                                 'DEFAULT ' || pg_get_expr(adbin, adrelid)) AS line
FROM tables JOIN pg_attribute ON attrelid = tables.oid LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
WHERE attnum > 0 AND NOT attisdropped
UNION ALL
SELECT name || ': CONSTRAINT ' || conname || ' ' || pg_get_constraintdef(pg_constraint.oid)
FROM tables JOIN pg_constraint ON conrelid = tables.oid
WHERE contype <> 'n'
UNION ALL
SELECT name || ': INDEX ' || substring(pg_get_indexdef(indexrelid) FROM 'USING (.*)')
FROM tables JOIN pg_index ON indrelid = tables.oid
WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))
ORDER BY 1
