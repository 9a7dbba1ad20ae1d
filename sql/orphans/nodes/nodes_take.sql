-- Of the keys of a batch, those that still have no parent.
-- Citus keeps statements that write to several shards from each other, whichever rows they are about: a writer that has
-- written a parent and waits so for the batch, while the batch waits for the parents' table, would be ended as a deadlock.
-- The batch locks its own rows, and gives way to who has them.
SELECT set_config('citus.enable_deadlock_prevention', 'off', true);
CREATE TEMP TABLE sqlrail_orphan ON COMMIT DROP AS
WITH child_key AS MATERIALIZED (
    SELECT {staged}, rows FROM {work} WHERE ctid > {after}::tid AND ctid <= {upto}::tid
), {lost}
SELECT * FROM lost;
