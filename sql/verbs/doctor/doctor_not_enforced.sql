-- Foreign keys that the server does not check at all (PostgreSQL 18).
SELECT format('%I.%I', n.nspname, x.relname), format('constraint %I', d.conname),
       'it is NOT ENFORCED: nothing is checked by it, neither what is there nor what comes',
       format('once no row breaks it, have it checked: ALTER TABLE %I.%I ALTER CONSTRAINT %I ENFORCED', n.nspname, x.relname, d.conname),
       NULL::text[], NULL::text[], NULL::jsonb, NULL::text
  FROM pg_catalog.pg_constraint AS d
  JOIN pg_catalog.pg_class AS x ON x.oid = d.conrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
 WHERE d.contype = 'f' AND d.conparentid = 0 AND d.coninhcount = 0
   AND NOT coalesce((to_jsonb(d)->>'conenforced')::boolean, true) AND {tables}
 ORDER BY 1, 2;
