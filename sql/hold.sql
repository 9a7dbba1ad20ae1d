-- The runners' lock for a file outside a transaction: held by this transaction, in which nothing else happens.
SELECT pg_try_advisory_xact_lock({key}) AS locked;
SELECT {applied} AS applied;
