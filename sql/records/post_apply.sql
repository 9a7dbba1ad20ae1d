-- How the files that run behind migrations were run last: the hash of each, the log's entry, and the checksum that it holds; plain
-- yoyo writes none.
SELECT DISTINCT ON (l.migration_hash) l.migration_hash, l.id,
       CASE WHEN l.comment LIKE 'sha256:%' THEN l.comment END AS checksum
  FROM {log} AS l
 WHERE l.migration_id LIKE 'post-apply%' AND l.operation IN ('apply', 'apply-late')
 ORDER BY l.migration_hash, l.created_at_utc DESC;
