-- PostgreSQL 14 and later, on systems that can tell. A dead client is not a dead backend: without this it would work
-- on, keep the lock, and could still commit.
SET LOCAL client_connection_check_interval = {client_connection_check_interval};
