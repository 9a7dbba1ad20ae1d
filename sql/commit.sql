DELETE FROM {lock} WHERE pid = pg_backend_pid();
COMMIT;
