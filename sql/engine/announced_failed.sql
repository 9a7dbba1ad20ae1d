-- The server itself said that the announced statement failed: it was not cut off.
SELECT pg_catalog.set_config('session_authorization', {user}, true), pg_catalog.set_config('role', {role}, true);
UPDATE sqlrail.progress SET announced = announced || '{{"failed": true}}'
 WHERE records_in = {records_in} AND migration_hash = {hash} AND operation = {operation};
