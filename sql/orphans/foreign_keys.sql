-- The foreign keys whose rows may have lost their parents: those that nobody has validated, or all. A partition's are
-- its root's. Temporal keys (PERIOD) mean another thing than a parent of the same key.
SELECT CASE WHEN child.oid = {child} THEN NULL ELSE cn.nspname END, child.relname,
       (SELECT array_agg(a.attname::text ORDER BY k.n)
          FROM unnest(fk.conkey) WITH ORDINALITY AS k(attnum, n)
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = fk.conrelid AND a.attnum = k.attnum),
       CASE WHEN parent.oid = {parent} THEN NULL ELSE pn.nspname END, parent.relname,
       (SELECT array_agg(a.attname::text ORDER BY k.n)
          FROM unnest(fk.confkey) WITH ORDINALITY AS k(attnum, n)
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = fk.confrelid AND a.attnum = k.attnum)
  FROM pg_catalog.pg_constraint AS fk
  JOIN pg_catalog.pg_class AS child ON child.oid = fk.conrelid
  JOIN pg_catalog.pg_namespace AS cn ON cn.oid = child.relnamespace
  JOIN pg_catalog.pg_class AS parent ON parent.oid = fk.confrelid
  JOIN pg_catalog.pg_namespace AS pn ON pn.oid = parent.relnamespace
 WHERE fk.contype = 'f' AND fk.conparentid = 0
   AND ({every} OR NOT fk.convalidated AND coalesce((to_jsonb(fk)->>'conenforced')::boolean, true))
   AND NOT coalesce((to_jsonb(fk)->>'conperiod')::boolean, false)
   AND child.relpersistence <> 't' AND cn.nspname !~ '^pg_' AND cn.nspname NOT IN ('information_schema', 'sqlrail')
   AND ({only} IS NULL OR cn.nspname = {only})
 ORDER BY cn.nspname, child.relname, fk.conname;
