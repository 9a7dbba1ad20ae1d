-- One online cleanup of a child at a time, for as long as this transaction lives: it idles, without a snapshot, on a
-- connection of its own. A dead runner's connection ends, and this lock with it; no migration waits for it.
SELECT bool_and(pg_try_advisory_xact_lock(({online}::bigint << 32) | oid))
  FROM (SELECT DISTINCT name::regclass::oid::bigint AS oid FROM unnest({children}::text[]) AS name ORDER BY oid) AS child;
