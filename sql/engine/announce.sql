-- Notes that a statement which refuses a transaction is about to run, and what indexes there were before.
SELECT pg_catalog.set_config('session_authorization', {user}, true), pg_catalog.set_config('role', {role}, true);
INSERT INTO sqlrail.progress (records_in, migration_hash, operation, migration_id, done, checksum, announced)
VALUES ({records_in}, {hash}, {operation}, {id}, {done}, {checksum}, {announced})
ON CONFLICT (records_in, migration_hash, operation) DO UPDATE SET announced = excluded.announced, noted_at = clock_timestamp();
