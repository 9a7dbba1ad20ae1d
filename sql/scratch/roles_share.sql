-- On a server of ours: while somebody builds with roles that were made for it, nobody drops them.
SELECT pg_catalog.pg_advisory_lock_shared(7305801643522180);
