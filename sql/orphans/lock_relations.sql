-- Locks the tables of relations as ADD FOREIGN KEY would, those of other constraints likewise, and every table that a delete
-- would cascade into: from here to the commit no parent comes or goes and no child is written. At READ COMMITTED without these locks a
-- row whose parent commits between our look and our commit would be deleted all the same.
-- The names travel as settings: one that holds the body's own quote would end the body.
SELECT set_config('sqlrail.children', {names}::text[]::text, true),
       set_config('sqlrail.parents', {parents}::text[]::text, true);
DO $lock$
DECLARE
    children regclass[];
    parents regclass[];
    lock_timeout interval := current_setting('lock_timeout');
    give_way timestamptz := clock_timestamp() + nullif(lock_timeout, '0');
    wanted regclass[];
    next regclass;
    busy regclass;
BEGIN
    -- What is no table is not locked, but refused: relation.sql says why.
    SELECT array_agg(c.oid::regclass), array_agg(p.oid::regclass) INTO children, parents
      FROM unnest(current_setting('sqlrail.children')::text[], current_setting('sqlrail.parents')::text[])
           AS relation(child, parent)
      JOIN pg_catalog.pg_class AS c ON c.oid = {child} AND c.relkind IN ('r', 'p')
      -- Not every constraint has a parent; of one that is not there the child needs no lock either.
      LEFT JOIN pg_catalog.pg_class AS p ON p.oid = {parent} AND p.relkind IN ('r', 'p')
     WHERE relation.parent IS NULL OR p.oid IS NOT NULL;
    IF children IS NULL THEN
        RETURN;
    END IF;
    busy := children[1];
    -- On Citus: a reference table that was read in parallel could not be changed by the ALTER TABLE that follows.
    IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
        PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
    END IF;
    LOOP
        WITH RECURSIVE edge(one, other) AS (
            SELECT confrelid, conrelid FROM pg_catalog.pg_constraint
             WHERE contype = 'f' AND confdeltype IN ('c', 'n', 'd')
            UNION ALL
            -- A partition may have keys of its own to it.
            SELECT inhparent, inhrelid FROM pg_catalog.pg_inherits
        ), reached(oid) AS (
            SELECT unnest(children)::oid
            UNION
            SELECT edge.other FROM reached JOIN edge ON one = reached.oid
        )
        SELECT array_agg(DISTINCT c.oid::regclass) INTO wanted
          FROM pg_catalog.pg_class AS c
         WHERE c.oid = ANY (parents) OR c.oid IN (SELECT oid FROM reached) AND c.relkind IN ('r', 'p');
        -- Never waits for one of them while it holds another: sessions that write parents first and sessions that
        -- write children first would both run into a deadlock with us.
        BEGIN
            EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', busy);
            FOREACH next IN ARRAY wanted LOOP
                busy := next;
                EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE NOWAIT', next);
            END LOOP;
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            IF clock_timestamp() >= give_way THEN
                RAISE;
            END IF;
        END;
    END LOOP;
END
$lock$;
