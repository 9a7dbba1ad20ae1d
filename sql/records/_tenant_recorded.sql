-- The rows of yoyo's tables in one schema, for records/tenants.py to put together. No order, nothing joined: planning that a
-- thousand times takes longer than doing it. A query.
SELECT {number} AS number, 'record' AS kind, migration_hash::text AS what, migration_id::text AS of, NULL::float8 AS at
  FROM {its_records}
UNION ALL
SELECT {number}, 'log', migration_hash::text, comment::text, extract(epoch FROM created_at_utc)::float8 FROM {its_log}
