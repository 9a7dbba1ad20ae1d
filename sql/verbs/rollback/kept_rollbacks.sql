-- What was kept with the records of one schema to take them back, and the digest in the log, which has the record's own time:
-- of what was applied anew since, by plain yoyo say, nothing is kept. The content only of those that are wanted.
SELECT m.migration_id AS id, k.transactional, k.depends,
       CASE WHEN m.migration_id::text = ANY ({ids}::text[]) THEN k.content END AS content,
       (SELECT l.comment FROM {log} AS l
         WHERE l.migration_id = m.migration_id AND l.operation = 'kept' AND l.created_at_utc = m.applied_at_utc
         LIMIT 1) AS digest
  FROM sqlrail.rollback AS k
  JOIN {records} AS m ON m.migration_hash::text = k.migration_hash
 WHERE k.records_in = {records_in}
   AND EXISTS (SELECT FROM {log} AS l
                WHERE l.migration_id = m.migration_id AND l.operation = 'kept' AND l.created_at_utc = m.applied_at_utc);
