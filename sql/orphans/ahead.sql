-- Orphans that a look has placed are deleted ahead of the locks; where anything is in the way, this is where it goes back to. While
-- rows are held, no lock is waited for longer than half of the time after which others look for a deadlock: a quarter, twice.
SAVEPOINT sqlrail_ahead;
SELECT set_config('sqlrail.lock_timeout', current_setting('lock_timeout'), true),
       -- 0 would be for ever.
       set_config('lock_timeout', greatest(1, 1000 * least(
           extract(epoch FROM nullif(current_setting('lock_timeout'), '0')::interval),
           extract(epoch FROM current_setting('deadlock_timeout')::interval) / 4)) || 'ms', true);
