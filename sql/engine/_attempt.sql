-- The runners' lock of the database, if nobody has it. An expression.
pg_catalog.pg_try_advisory_xact_lock({key})
