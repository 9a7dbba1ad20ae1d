-- Whether the transaction has written a catalog that all databases of the server share: it keeps its lock on that to the
-- end. The notes of who owns what aside, which every table has. A subscription's lock is let go; no scratch database has one.
SELECT EXISTS (SELECT FROM pg_catalog.pg_locks AS l
                WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.database = 0
                  AND l.mode = 'RowExclusiveLock' AND l.relation <> 'pg_catalog.pg_shdepend'::regclass)
    OR EXISTS (SELECT FROM pg_catalog.pg_subscription AS s JOIN pg_catalog.pg_database AS d ON d.oid = s.subdbid
                WHERE d.datname = pg_catalog.current_database()) AS shared
