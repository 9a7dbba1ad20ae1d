-- A negative pid is that of a connection on which a runner of ours works outside a transaction. Whoever gets the runners'
-- lock knows that it is dead; its last statement may still be running, unless that is known to have ended. Behind a
-- pooler connections stay, whoever is gone. A process with that number that began later is another.
-- Whoever was interrupted must not wait once more for a standby that is gone; were this lost, the next would do it.
SET LOCAL synchronous_commit = local;
DELETE FROM {lock} AS l
 WHERE l.pid < 0 AND {attempt}
   AND ({ended} OR NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a
                                WHERE a.pid = -l.pid AND a.datname = current_database()
                                  AND (a.backend_start AT TIME ZONE 'UTC' > l.ctime) IS NOT TRUE));
COMMIT;
