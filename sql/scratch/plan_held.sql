-- What the transaction holds, in two texts that are compared with the last ones: a row for each lock, after each statement,
-- would take longer than the statements. Of relations (no newer ones than {newest}) oid:mode:filenode:untold as in
-- plan_look.sql, of functions, types and so on class:oid:mode where the lock keeps more waiting than who wants it alone.
SELECT coalesce(pg_catalog.string_agg(
           pg_catalog.concat_ws(':', relation, mode, coalesce(pg_catalog.pg_relation_filenode(relation), 0::oid),
               coalesce(pg_catalog.pg_stat_get_xact_numscans(relation), 0)), ',')
           FILTER (WHERE locktype = 'relation'), '') AS relations,
       coalesce(pg_catalog.string_agg(pg_catalog.concat_ws(':', classid, objid, mode), ',')
           FILTER (WHERE locktype = 'object'), '') AS objects
  FROM pg_catalog.pg_locks
 WHERE pid = pg_catalog.pg_backend_pid()
   AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
   AND (locktype = 'relation' AND relation <= {newest}::oid
        OR locktype = 'object' AND mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock'));
