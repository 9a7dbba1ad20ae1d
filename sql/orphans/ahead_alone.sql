-- Whoever waits for a row of ours may have written to the tables, and would be waited for in turn. Who comes to wait from
-- here on looks for a deadlock later than the locks are given up.
DO $alone$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_locks AS l
                WHERE NOT l.granted AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid))) THEN
        RAISE EXCEPTION 'somebody waits for a row' USING ERRCODE = 'lock_not_available';
    END IF;
END
$alone$;
