-- The runners' lock, if nobody has it; it goes with the transaction.
SELECT pg_try_advisory_xact_lock({key});
