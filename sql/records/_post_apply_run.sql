-- The log's latest entry of a file that runs behind migrations.
(SELECT l.id
   FROM {log} AS l
  WHERE l.migration_hash OPERATOR(pg_catalog.=) {hash}
    AND (l.operation OPERATOR(pg_catalog.=) 'apply' OR l.operation OPERATOR(pg_catalog.=) 'apply-late')
  ORDER BY l.created_at_utc DESC
  LIMIT 1)
