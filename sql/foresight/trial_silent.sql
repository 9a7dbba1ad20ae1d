-- In the transaction that takes rows in: no trigger and no key acts on them.
SET LOCAL session_replication_role = replica;
