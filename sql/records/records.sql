-- The records, each with the checksum that its latest log entry holds. Where plain yoyo wrote that entry it
-- holds none: the content that was applied is unknown.
SELECT m.migration_id, m.migration_hash, m.applied_at_utc,
       CASE WHEN l.comment LIKE 'sha256:%' THEN l.comment END AS checksum
  FROM {records} AS m
  LEFT JOIN (SELECT DISTINCT ON (migration_hash) migration_hash, comment
               FROM {log}
              ORDER BY migration_hash, created_at_utc DESC) AS l USING (migration_hash)
 ORDER BY m.applied_at_utc, m.migration_id;
