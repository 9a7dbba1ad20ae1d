-- The rows that a test has added are deleted without a trigger, those of foreign keys neither: with all that is young gone
-- they hold as they did. The sequences go back last: no rollback would take them along.
SET LOCAL session_replication_role = replica;
{deletions}
SELECT count(setval(s.oid::regclass, s.value, s.is_called))
  FROM unnest({oids}::oid[], {values}::bigint[], {called}::boolean[]) AS s (oid, value, is_called);
