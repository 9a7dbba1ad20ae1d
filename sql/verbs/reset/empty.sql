-- Empties the database: every schema with all that lies in it, and what lies beside the schemas.
DO $guard$
BEGIN
    -- Looked at again in the transaction that empties: the first look was before the lock.
    IF NOT EXISTS (SELECT FROM sqlrail.stamp WHERE environment IN ('development', 'test')) THEN
        RAISE EXCEPTION 'the database is not stamped development or test' USING ERRCODE = 'SR001';
    END IF;
    -- Dropping one ends another server's replication slot, and cannot be rolled back.
    IF EXISTS (SELECT FROM pg_catalog.pg_subscription AS s JOIN pg_catalog.pg_database AS d ON d.oid = s.subdbid
                WHERE d.datname = current_database()) THEN
        RAISE EXCEPTION 'the database has a subscription' USING ERRCODE = 'SR001', HINT = 'Drop it first.';
    END IF;
END
$guard$;

DO $empty$
DECLARE
    thing record;
    statement text;
BEGIN
    -- On Citus a function, say, cannot be dropped where shards were, side by side, before.
    IF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus') THEN
        PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
    END IF;
    FOR thing IN
        SELECT t.class, t.id FROM ({things}) AS t
         WHERE NOT pg_catalog.format('%s/%s', t.class, t.id) = ANY ({kept})
           -- All else in a schema goes with it.
           AND (t.turn <> 5 OR pg_catalog.format('%s/%s', 'pg_catalog.pg_namespace'::regclass::oid, t.schema) = ANY ({kept})
                OR NOT EXISTS (SELECT FROM ({things}) AS s WHERE s.turn = 4 AND s.id = t.schema))
         ORDER BY t.turn
    LOOP
        -- What has gone with something before it has no name any more.
        SELECT CASE i.type WHEN 'large object' THEN pg_catalog.format('SELECT pg_catalog.lo_unlink(%s)', thing.id)
                           WHEN 'statistics object' THEN pg_catalog.format('DROP STATISTICS %s', i.identity)
                           ELSE pg_catalog.format('DROP %s %s CASCADE', CASE
                               WHEN i.type IN ('function', 'procedure', 'aggregate') THEN 'ROUTINE'
                               ELSE pg_catalog.replace(i.type, '-', ' ') END, i.identity) END
          INTO statement
          FROM pg_catalog.pg_identify_object(thing.class, thing.id, 0) AS i
         WHERE i.identity IS NOT NULL;
        IF statement IS NOT NULL THEN
            EXECUTE statement;
        END IF;
    END LOOP;
    -- Default privileges, back to what PostgreSQL has built in.
    FOR statement IN
        SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %s %s ALL ON %s %s %s', d.defaclrole::regrole, change.verb,
                      CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
                                           WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END,
                      CASE change.verb WHEN 'REVOKE' THEN 'FROM' ELSE 'TO' END,
                      CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE acl.grantee::regrole::text END)
          FROM pg_catalog.pg_default_acl AS d
         CROSS JOIN (VALUES (1, 'REVOKE'), (2, 'GRANT')) AS change(turn, verb)
         CROSS JOIN LATERAL (
               SELECT DISTINCT grantee FROM aclexplode(d.defaclacl) WHERE change.verb = 'REVOKE'
               UNION
               SELECT grantee FROM aclexplode(acldefault(
                   CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END, d.defaclrole))
                WHERE change.verb = 'GRANT') AS acl
         WHERE d.defaclnamespace = 0 AND d.defaclrole NOT IN ({left})
         ORDER BY change.turn
    LOOP
        EXECUTE statement;
    END LOOP;
    -- Settings of the database, and of roles in it.
    FOR statement IN
        SELECT CASE s.setrole WHEN 0 THEN format('ALTER DATABASE %I RESET ALL', d.datname)
               ELSE format('ALTER ROLE %s IN DATABASE %I RESET ALL', s.setrole::regrole, d.datname) END
          FROM pg_catalog.pg_db_role_setting AS s
          JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
         WHERE d.datname = current_database() AND s.setrole NOT IN ({left})
    LOOP
        EXECUTE statement;
    END LOOP;
    -- As a new database has it: since PostgreSQL 15 only its owner may create in public.
    IF pg_catalog.to_regnamespace('public') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE SCHEMA public;
    COMMENT ON SCHEMA public IS 'standard public schema';
    IF current_setting('server_version_num')::int >= 150000 THEN
        GRANT USAGE ON SCHEMA public TO PUBLIC;
        ALTER SCHEMA public OWNER TO pg_database_owner;
    ELSE
        GRANT ALL ON SCHEMA public TO PUBLIC;
    END IF;
END
$empty$;
