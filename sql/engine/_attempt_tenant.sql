-- The runners' lock of one schema: that of the database together with other schemas' runners, and the schema's own alone;
-- null where there is no such schema. The second is of the locks with two numbers, which are others than those with one.
(pg_catalog.pg_try_advisory_xact_lock_shared({key})
 AND pg_catalog.pg_try_advisory_xact_lock({key_of_tenants},
         {tenant_oid}::pg_catalog.int4))
