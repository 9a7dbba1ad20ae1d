-- Notes that are older than the migration's last run or way back: plain yoyo, which knows of no notes, went over them.
DELETE FROM sqlrail.progress AS p
 WHERE p.records_in = {records_in} AND p.migration_hash = {hash}
   AND EXISTS (SELECT FROM {log} AS l
                WHERE l.migration_hash = p.migration_hash AND l.created_at_utc > p.noted_at AT TIME ZONE 'UTC'
                  AND l.operation IN ('apply', 'apply-late', 'mark', 'rollback', 'unmark'));
