-- Foreign keys of the same columns that do different things: of ON DELETE CASCADE and SET NULL, the first to fire wins.
SELECT k.name, format('constraint %I', min(k.conname::text)),
       format('it and other keys of the same columns do different things: %s', string_agg(format('%I %s', k.conname, k.definition), '; ' ORDER BY k.conname)),
       'keep the one that is meant, and drop the others', NULL::text[], NULL::text[], NULL::jsonb, NULL::text
  FROM (SELECT DISTINCT ON (d.conrelid, definition) format('%I.%I', n.nspname, x.relname) AS name, d.conname, d.confrelid,
               (SELECT array_agg(pair ORDER BY pair) FROM unnest(d.conkey, d.confkey) AS pair(a, b)) AS pairs, definition
          FROM pg_catalog.pg_constraint AS d
          JOIN pg_catalog.pg_class AS x ON x.oid = d.conrelid
          JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
         CROSS JOIN LATERAL (SELECT regexp_replace(pg_get_constraintdef(d.oid), ' NOT VALID$', '') AS definition) AS said
         WHERE d.contype = 'f' AND d.conparentid = 0 AND {tables}
         ORDER BY d.conrelid, definition, d.convalidated DESC, length(d.conname), d.oid) AS k
 GROUP BY k.name, k.confrelid, k.pairs
HAVING count(*) > 1
 ORDER BY 1, 2;
