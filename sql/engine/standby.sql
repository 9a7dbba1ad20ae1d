-- Whether the server only follows another one, which alone can be written to.
SELECT pg_is_in_recovery();
