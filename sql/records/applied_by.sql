-- Who ran what is recorded: the latest entry of each migration that tells of its running, and not of its file.
SELECT DISTINCT ON (migration_hash) migration_hash, username, hostname
  FROM {log}
 WHERE operation IN ('apply', 'apply-late', 'mark')
 ORDER BY migration_hash, created_at_utc DESC;
