-- yoyo's lock row for a file outside a transaction, committed: plain yoyo then polls instead of waiting inside a
-- transaction. Its negative pid is that of the connection that the file runs on.
INSERT INTO {lock} (locked, ctime, pid)
VALUES (1, clock_timestamp() AT TIME ZONE 'UTC', -pg_backend_pid())
ON CONFLICT DO NOTHING;
SELECT (SELECT pid FROM {lock} WHERE locked = 1) AS row_of, -pg_backend_pid() AS own;
COMMIT;
