-- Constraints of tables, but those that only say that a column may not be null, which columns say themselves.
SELECT format('%s/%s/0', d.tableoid, d.oid), CASE d.contype WHEN 'f' THEN 'foreign key' ELSE 'constraint' END, n.nspname::text,
       k.table, k.table || '.' || k.name, 'constraint ' || k.name, format('CONSTRAINT %s ON %s', k.name, k.table),
       format('ALTER TABLE %s ADD CONSTRAINT %s %s', k.table, k.name, pg_get_constraintdef(d.oid)),
       CASE WHEN d.contype <> 'f' AND d.convalidated THEN format('CONSTRAINT %s %s', k.name, k.definition) END, NULL,
       format('ALTER TABLE %s DROP CONSTRAINT %s', k.table, k.name), format('ALTER TABLE %s RENAME CONSTRAINT %s TO', k.table, k.name), k.name,
       false, d.coninhcount > 0 AND NOT d.conislocal OR d.conparentid <> 0,
       json_build_array(
           json_build_array(NULL, k.definition, NULL, NULL),
           json_build_array('valid', CASE WHEN d.convalidated THEN 'valid' ELSE 'not valid' END{so},
               CASE WHEN d.convalidated THEN format('ALTER TABLE %s VALIDATE CONSTRAINT %s', k.table, k.name) END, NULL{end}))
  FROM pg_catalog.pg_constraint AS d
  JOIN pg_catalog.pg_class AS c ON c.oid = d.conrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, c.relname) AS table, quote_ident(d.conname) AS name,
                             regexp_replace(pg_get_constraintdef(d.oid), ' NOT VALID$', '') AS definition OFFSET 0) AS k
 WHERE d.oid >= 16384 AND d.contype IN ('c', 'f', 'p', 'u', 'x')
   -- Where a foreign key leads to a partitioned table, each partition has a copy that is PostgreSQL's own.
   AND NOT (d.contype = 'f' AND d.conparentid <> 0
            AND (SELECT p.conrelid FROM pg_catalog.pg_constraint AS p WHERE p.oid = d.conparentid) = d.conrelid)
