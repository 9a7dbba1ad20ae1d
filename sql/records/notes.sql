-- What is half done outside a transaction, and whether its next statement is under way, or was cut off. What plain yoyo has gone over since (forget_stale.sql) counts no longer; files
-- that run after every migrate begin anew each time.
SELECT p.migration_id, p.operation, p.done, it.is_begun, p.noted_at AT TIME ZONE 'UTC' AS noted_at,
       CASE p.operation WHEN 'backfill' THEN p.announced END
  FROM sqlrail.progress AS p
 CROSS JOIN LATERAL (SELECT coalesce(NOT (p.announced->>'failed')::boolean, false) AS is_begun) AS it
 WHERE p.records_in = {records_in} AND p.operation <> 'post-apply' AND (p.done > 0 OR it.is_begun)
   AND NOT EXISTS (SELECT FROM {log} AS l
                    WHERE l.migration_hash = p.migration_hash AND l.created_at_utc > p.noted_at AT TIME ZONE 'UTC'
                      AND l.operation IN ('apply', 'apply-late', 'mark', 'rollback', 'unmark'))
 ORDER BY p.migration_id;
