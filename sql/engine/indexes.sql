-- The indexes of some tables, or of all; not those of partitioned tables, which are invalid until every partition has its
-- own, and not those that somebody is building at this moment.
SELECT i.indexrelid::bigint, n.nspname::text, c.relname::text, i.indisvalid
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind = 'i' AND ({tables}::bigint[] IS NULL OR i.indrelid = ANY ({tables}::bigint[]))
   AND (i.indisvalid OR NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS p
                                     WHERE p.index_relid = i.indexrelid AND p.datname = current_database()));
