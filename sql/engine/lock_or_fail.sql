-- lock.sql with a file behind it in the same message: what stands against running it is a division by zero, so that
-- nothing of it is run. The reason is asked for afterwards.
SELECT 1 OPERATOR(pg_catalog./) {attempt}::pg_catalog.int4 AS locked;
LOCK TABLE {lock} IN SHARE MODE NOWAIT;
SELECT 1 OPERATOR(pg_catalog./) (NOT EXISTS (SELECT FROM {lock} WHERE locked OPERATOR(pg_catalog.=) 1)
                                 AND {applied} IS FALSE)::pg_catalog.int4 AS ready,
       pg_catalog.txid_current() AS transaction;
