-- In front of a COMMIT: a tenant's file changes nothing outside of its schema. A name that the tenant lacks leads to what is
-- shared behind it, and ALTER TABLE orders would alter everybody's. A foreign key to a shared table is none of that, though
-- the first one is noted in pg_class, and to drop one takes the table alone. What costs is asked only where the locks that
-- are held, what was written, or the words of the file say that there may be something.
DO $guard$
DECLARE
    tenant oid;
    outside oid[];
    writes_functions boolean;
    writes_types boolean;
    changed text[] := '{{}}';
    own CONSTANT refcursor := 'sqlrail_own';
    others CONSTANT refcursor := 'sqlrail_others';
    other record;
BEGIN
    -- All that most files need is one query: each that is planned here is planned anew for each tenant.
    SELECT {tenant_oid}, (SELECT array_agg(l.relation) {locked_outside}), {writes_functions}, {writes_types}
      INTO tenant, outside, writes_functions, writes_types;
    IF outside IS NULL AND NOT writes_functions AND NOT writes_types AND NOT {may_grant} THEN
        RETURN;
    END IF;
    IF outside IS NOT NULL THEN
        SELECT changed || coalesce(array_agg(DISTINCT format('%I.%I', n.nspname, c.relname)), '{{}}') INTO changed
          FROM pg_catalog.pg_locks AS l
          JOIN pg_catalog.pg_class AS c ON c.oid = l.relation
          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
         WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.relation = ANY (outside)
           AND n.oid <> tenant AND n.nspname !~ '^(pg_|sqlrail$|information_schema$)'
           AND CASE l.mode
               WHEN 'AccessExclusiveLock' THEN
                    {class_is_written}
                    OR pg_stat_get_xact_tuples_deleted('pg_catalog.pg_constraint'::regclass)::text
                       -- Empty is what a RESET ALL of the file's has left of it; null, where each statement has its transaction.
                       = CASE current_setting('sqlrail.keys_dropped', true)
                         WHEN '' THEN pg_stat_get_xact_tuples_deleted('pg_catalog.pg_constraint'::regclass)::text
                         ELSE current_setting('sqlrail.keys_dropped', true) END
                    OR EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND {column_is_written})
                    OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = c.oid AND {check_is_written})
                    OR EXISTS (SELECT FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = c.oid AND {rule_is_written})
                    OR EXISTS (SELECT FROM pg_catalog.pg_policy AS s WHERE s.polrelid = c.oid AND {policy_is_written})
               WHEN 'ShareRowExclusiveLock' THEN
                    (c.relkind NOT IN ('r', 'p') AND {class_is_written})
                    OR EXISTS (SELECT FROM pg_catalog.pg_trigger AS t
                                WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND {trigger_is_written})
               END;
        outside := ARRAY(SELECT gone FROM unnest(outside) AS gone WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = gone));
    END IF;
    IF cardinality(outside) > 0 AND EXISTS (SELECT FROM pg_catalog.pg_cursors WHERE name = 'sqlrail_own') THEN
        LOOP
            FETCH own INTO other;
            EXIT WHEN NOT FOUND;
            outside := array_remove(outside, other.oid);
        END LOOP;
        WHILE cardinality(outside) > 0 LOOP
            FETCH others INTO other;
            EXIT WHEN NOT FOUND;
            IF other.oid = ANY (outside) THEN
                changed := changed || other.name::text;
            END IF;
        END LOOP;
    END IF;
    IF writes_functions THEN
        changed := changed || ARRAY(SELECT p.oid::regprocedure::text
                                      FROM pg_catalog.pg_proc AS p
                                      JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
                                     WHERE p.oid >= 16384 AND n.oid <> tenant AND n.nspname !~ '^pg_' AND {function_is_written});
    END IF;
    -- Types by what depends on the schemas behind the tenant's: to look through all of them would take longer with each tenant.
    IF writes_types THEN
        changed := changed || ARRAY(
            SELECT format('%I.%I', n.nspname, t.typname)
              FROM pg_catalog.pg_namespace AS n
              JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_namespace'::regclass AND d.refobjid = n.oid
              JOIN pg_catalog.pg_type AS t ON t.oid = d.objid
             WHERE n.nspname = ANY (current_setting('sqlrail.schemas')::name[]) AND n.oid <> tenant
               AND d.classid = 'pg_catalog.pg_type'::regclass
               AND ({type_is_written}
                    OR EXISTS (SELECT FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = t.oid AND {label_is_written})
                    OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.contypid = t.oid AND {check_is_written})));
    END IF;
    IF {may_grant} THEN
        changed := changed || ARRAY(
            SELECT format('%I.%I', n.nspname, c.relname)
              FROM pg_catalog.pg_namespace AS n
              JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_namespace'::regclass AND d.refobjid = n.oid
              JOIN pg_catalog.pg_class AS c ON c.oid = d.objid
             WHERE n.nspname = ANY (current_setting('sqlrail.schemas')::name[]) AND n.oid <> tenant
               AND d.classid = 'pg_catalog.pg_class'::regclass AND {class_is_written}
               AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks AS l
                                WHERE l.pid = pg_backend_pid() AND l.relation = c.oid AND l.mode = 'ShareRowExclusiveLock'));
    END IF;
    IF cardinality(changed) > 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'SR001',
            MESSAGE = format('it changes %s%s, outside of the schema %s', array_to_string(changed[1:5], ', '),
                             CASE WHEN cardinality(changed) > 5 THEN format(' and %s more', cardinality(changed) - 5) END,
                             {tenant}),
            HINT = 'What tenants share is for files of its own (--shared); what only a tenant has must be there first.';
    END IF;
END
$guard$;
