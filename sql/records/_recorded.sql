-- What is recorded, each with its time: one that was rolled back and applied again has another.
(SELECT coalesce(pg_catalog.json_object_agg(migration_hash, pg_catalog.to_char(applied_at_utc, 'YYYY-MM-DD"T"HH24:MI:SS.US')), '{{}}')
   FROM {records})
