-- A negative pid is that of a connection on which a runner of ours works outside a transaction. We hold the runners' lock,
-- so that runner is gone; its last statement may still be running. Behind a pooler connections stay, whoever is gone.
DELETE FROM {lock} AS l
 WHERE l.pid < 0 AND ({pooled} OR NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a WHERE a.pid = -l.pid));
COMMIT;
