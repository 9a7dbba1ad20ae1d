-- The statement that this project is named after in its story, made safe. What it needs stands before it: the locks
-- (lock_relations.sql), the guards (relation.sql, weigh_orphans.sql), the orphans found.
--   DELETE FROM usage_analytics WHERE user_id NOT IN (SELECT id FROM users)
-- NOT IN looks only at what was found, and only by the parent's key: no work_mem makes it quadratic. Every name is
-- qualified: a column that the parent lacks would silently be the child's own. IS NOT NULL: a null is NOT IN an
-- empty set, and is nobody's orphan. The child's columns are held against themselves: only the WHERE compares, with
-- the operator of the key.
WITH deleted AS (
    DELETE FROM {child} AS c
     WHERE {is_staged}
       AND {has_key}
       AND ({columns}) NOT IN (SELECT {columns} FROM {parent} AS p WHERE {matches})
    RETURNING {cells} AS cells
), archived AS (
    INSERT INTO sqlrail.archive (run, relation, source, action, cells)
    SELECT current_setting('sqlrail.run')::bigint, {relation}, {source}, 'orphan', cells FROM deleted
    RETURNING action
)
SELECT set_config('sqlrail.deleted', (SELECT count(*) FROM deleted)::text, true),
       set_config('sqlrail.archived', (SELECT count(*) FROM archived)::text, true);

-- Pending events of deferred keys would forbid the ALTER TABLE that follows (55006). ALL would stay for the rest of
-- the transaction, and the file that follows may count on its keys being deferred.
DO $deferred$
DECLARE
    every text;
    unmixed text;
BEGIN
    SELECT string_agg(name, ', ') FILTER (WHERE some_deferred),
           -- One of the name that cannot be deferred makes an error of deferring the others.
           string_agg(name, ', ') FILTER (WHERE all_deferred)
      INTO every, unmixed
      FROM (SELECT format('%I.%I', n.nspname, c.conname) AS name,
                   bool_or(c.condeferred) AS some_deferred, bool_and(c.condeferred) AS all_deferred
              FROM pg_catalog.pg_constraint AS c
              JOIN pg_catalog.pg_namespace AS n ON n.oid = c.connamespace
             WHERE has_schema_privilege(n.oid, 'USAGE') GROUP BY 1) AS named;
    IF every IS NOT NULL THEN
        EXECUTE 'SET CONSTRAINTS ' || every || ' IMMEDIATE';
    END IF;
    IF unmixed IS NOT NULL THEN
        EXECUTE 'SET CONSTRAINTS ' || unmixed || ' DEFERRED';
    END IF;
END
$deferred$;
