-- What the transaction holds such a lock on outside of the tenant's schema as is taken for a change. Of those that are gone the
-- schema is not known. From FROM on.
FROM pg_catalog.pg_locks AS l
WHERE l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND l.locktype OPERATOR(pg_catalog.=) 'relation'
  AND l.relation OPERATOR(pg_catalog.>=) 16384
  AND l.mode OPERATOR(pg_catalog.=) ANY (ARRAY['AccessExclusiveLock', 'ShareRowExclusiveLock'])
  AND ((SELECT c.relnamespace FROM pg_catalog.pg_class AS c WHERE c.oid OPERATOR(pg_catalog.=) l.relation)
       OPERATOR(pg_catalog.=) {tenant_oid}) IS NOT TRUE
