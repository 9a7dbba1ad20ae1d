-- Each batch. It waits for no lock longer than a fraction of its time, and its own deletion is all that it may lose in a
-- crash of the server: the archive's rows go with it. The end of the run waits for the disk.
SET LOCAL lock_timeout = {patience};
SET LOCAL synchronous_commit = off;
-- Who waits for an autovacuum ends it after this time; not every role may say so.
SELECT set_config('deadlock_timeout', {half_patience}, true)
 WHERE has_parameter_privilege('deadlock_timeout', 'SET');
-- What a DELETE takes anyway, and no row is kept from anybody by it: from here on the tables stay as the catalog has them.
LOCK TABLE {tables} IN ROW EXCLUSIVE MODE;
SELECT set_config('sqlrail.run', {run}, true);
