-- The parent's table as the run found it, or else as the relation names it, where it has such a key.
SELECT json_build_object('schema', n.nspname, 'table', c.relname, 'only', c.relkind <> 'p',
           'self', c.oid = {source}
                OR c.oid IN (SELECT relid FROM pg_catalog.pg_partition_ancestors({source})))
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 CROSS JOIN (SELECT coalesce((SELECT done->>'parent' FROM sqlrail.run AS r, jsonb_path_query(r.relations, '$[*]') AS done
                                WHERE r.id = {run} AND done->>'relation' = {relation}), {parent}) AS name) AS named
 WHERE c.oid = {named} AND c.relkind IN ('r', 'p')
   AND NOT EXISTS (SELECT FROM unnest({keys}::text[]) AS key
                    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute
                                       WHERE attrelid = c.oid AND attname = key AND NOT attisdropped));
