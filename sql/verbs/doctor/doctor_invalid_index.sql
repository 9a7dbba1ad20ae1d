-- Indexes that CREATE INDEX CONCURRENTLY or REINDEX did not finish: every write keeps them up, no query uses them. Not
-- those that somebody builds at this moment; which one that is, only some roles may see.
SELECT k.name, format('index %I', c.relname),
       CASE WHEN c.relkind = 'I' THEN 'it is not valid: a partition lacks its part of it'
            WHEN NOT i.indislive THEN 'it is half dropped: every write keeps it up, and no query uses it'
            WHEN k.is_spare THEN 'it is not valid, and another one like it is: every write keeps it up, and no query uses it'
            ELSE 'it is not valid: every write keeps it up, and no query uses it'
       END || CASE WHEN i.indisunique AND NOT k.is_spare AND i.indislive THEN '; it is unique, and rows that are there twice keep it from being built' ELSE '' END,
       CASE WHEN c.relkind = 'I' THEN 'make that index on each partition, and ALTER INDEX … ATTACH PARTITION it' END,
       NULL::text[],
       CASE WHEN c.relkind = 'I' THEN NULL
            -- What a constraint or a partitioned index holds cannot be dropped by itself.
            WHEN k.is_held THEN ARRAY[format('REINDEX INDEX CONCURRENTLY %s', k.index)]
            WHEN k.is_spare OR NOT i.indislive THEN ARRAY[format('DROP INDEX CONCURRENTLY %s', k.index)]
            ELSE ARRAY[format('DROP INDEX CONCURRENTLY %s', k.index),
                       regexp_replace(pg_get_indexdef(c.oid), '^CREATE (UNIQUE )?INDEX', 'CREATE \1INDEX CONCURRENTLY')] END,
       NULL::jsonb, NULL::text
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_class AS x ON x.oid = i.indrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
 CROSS JOIN LATERAL (
      SELECT format('%I.%I', n.nspname, x.relname) AS name, format('%I.%I', n.nspname, c.relname) AS index,
             c.relispartition OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS d
                                          WHERE d.conindid = c.oid AND d.contype IN ('p', 'u', 'x')) AS is_held,
             EXISTS (SELECT FROM pg_catalog.pg_index AS o
                      WHERE o.indrelid = i.indrelid AND o.indisvalid AND o.indkey = i.indkey AND o.indclass = i.indclass
                        AND o.indoption = i.indoption AND o.indcollation = i.indcollation AND o.indisunique = i.indisunique
                        AND pg_get_expr(o.indexprs, o.indrelid) IS NOT DISTINCT FROM pg_get_expr(i.indexprs, i.indrelid)
                        AND pg_get_expr(o.indpred, o.indrelid) IS NOT DISTINCT FROM pg_get_expr(i.indpred, i.indrelid)) AS is_spare) AS k
 WHERE NOT i.indisvalid AND {tables}
   -- A partition's makes its root's invalid.
   AND NOT (c.relkind = 'I' AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS h JOIN pg_catalog.pg_index AS o ON o.indexrelid = h.inhrelid
                                         WHERE h.inhparent = c.oid AND NOT o.indisvalid))
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS p
                    WHERE p.datname = current_database() AND (p.index_relid = c.oid OR p.relid = x.oid OR p.relid IS NULL))
 ORDER BY 1, 2;
