-- Columns that are named after a table, of a type that fits its primary key, and in no foreign key: user_id or userId beside
-- users or user. The key comes with the index that it needs. A column with its own ..._type beside it may name rows of several tables.
WITH relation AS MATERIALIZED (
    SELECT x.oid, x.relname, x.relkind, x.relnamespace, x.relpersistence, n.nspname, replace(lower(x.relname), '_', '') AS plain
      FROM pg_catalog.pg_class AS x
      JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
     WHERE NOT x.relispartition AND {tables}
), named AS MATERIALIZED (
    SELECT a.attrelid, a.attnum, a.attname, coalesce(nullif(t.typbasetype, 0), t.oid) AS type, k.plain, w.wanted
      FROM relation AS x
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.oid
      JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
     CROSS JOIN LATERAL (SELECT replace(lower(coalesce(substring(a.attname FROM '^(.+)_[iI][dD]$'),
                                                       substring(a.attname FROM '^(.*[a-z0-9])I[dD]$'))), '_', '') AS plain) AS k
     CROSS JOIN LATERAL (VALUES (k.plain), (k.plain || 's'), (k.plain || 'es'), (regexp_replace(k.plain, 'y$', 'ies'))) AS w(wanted)
     WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> 'v' AND k.plain <> ''
), fitting AS (
    SELECT DISTINCT ON (x.oid, c.attnum) x.*, c.attnum, c.attname, p.oid AS parent, p.relname AS parent_name, k.attname AS key
      FROM relation AS x
      JOIN named AS c ON c.attrelid = x.oid
      JOIN relation AS p ON p.relnamespace = x.relnamespace AND p.plain = c.wanted
       -- A table that survives a crash may not refer to one that does not.
       AND (p.relpersistence = 'p' OR x.relpersistence = p.relpersistence)
      JOIN pg_catalog.pg_index AS i ON i.indrelid = p.oid AND i.indisprimary AND i.indisvalid AND i.indimmediate AND i.indnkeyatts = 1
      JOIN pg_catalog.pg_attribute AS k ON k.attrelid = p.oid AND k.attnum = i.indkey[0]
      JOIN pg_catalog.pg_type AS t ON t.oid = k.atttypid
     WHERE NOT (x.oid = p.oid AND c.attnum = k.attnum)
       AND (coalesce(nullif(t.typbasetype, 0), t.oid) = c.type
            OR ARRAY[coalesce(nullif(t.typbasetype, 0), t.oid), c.type] <@ ARRAY['int2', 'int4', 'int8']::regtype[]::oid[]
            OR ARRAY[coalesce(nullif(t.typbasetype, 0), t.oid), c.type] <@ ARRAY['text', 'varchar']::regtype[]::oid[])
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS d WHERE d.contype = 'f' AND d.conrelid = x.oid AND c.attnum = ANY (d.conkey))
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS o
                        WHERE o.attrelid = x.oid AND NOT o.attisdropped
                          AND replace(lower(o.attname), '_', '') = c.plain || 'type')
     ORDER BY x.oid, c.attnum, p.plain <> c.plain, p.oid
)
SELECT k.name, format('column %I', attname),
       format('it is named as a key of %s, and nothing keeps it from naming rows that are not there', k.parent),
       NULL,
       ARRAY[format('ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (%I) REFERENCES %s (%I)%s',
                    k.name, k.key_name, attname, k.parent, key, CASE relkind WHEN 'r' THEN ' NOT VALID' ELSE '' END)]
       || CASE WHEN relkind = 'p' AND k.lacks_index THEN ARRAY[format('CREATE INDEX ON %s (%I)', k.name, attname)] END,
       CASE relkind WHEN 'r' THEN
           CASE WHEN k.lacks_index THEN ARRAY[format('CREATE INDEX CONCURRENTLY ON %s (%I)', k.name, attname)] END
           || ARRAY[format('ALTER TABLE %s VALIDATE CONSTRAINT %I', k.name, k.key_name)] END,
       jsonb_build_array(jsonb_build_array(nspname, relname), jsonb_build_array(attname),
                         jsonb_build_array(nspname, parent_name), jsonb_build_array(key)), NULL::text
  FROM fitting
 CROSS JOIN LATERAL (
      SELECT format('%I.%I', nspname, relname) AS name, format('%I.%I', nspname, parent_name) AS parent,
             NOT EXISTS (SELECT FROM pg_catalog.pg_index AS i
                           JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
                           JOIN pg_catalog.pg_am AS m ON m.oid = c.relam AND m.amname IN ('btree', 'hash')
                          WHERE i.indrelid = fitting.oid AND i.indislive AND i.indpred IS NULL AND i.indkey[0] = attnum) AS lacks_index,
             -- As the server itself would call it, if that fits a name and is free.
             (SELECT free FROM (VALUES (1, relname || '_' || attname || '_fkey'),
                                       (2, 'fk_' || md5(relname || '_' || attname))) AS name(n, free)
               WHERE octet_length(free) < 64
                 AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS d WHERE d.conrelid = fitting.oid AND d.conname = free)
               ORDER BY n LIMIT 1) AS key_name) AS k
 ORDER BY 1, 2;
