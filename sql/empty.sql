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
    statement text;
BEGIN
    FOR statement IN
        -- An extension's go with it, and cannot be dropped alone.
        SELECT format('DROP EVENT TRIGGER %I', e.evtname) FROM pg_catalog.pg_event_trigger AS e
         WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                            WHERE d.classid = e.tableoid AND d.objid = e.oid AND d.deptype = 'e')
    LOOP
        EXECUTE statement;
    END LOOP;
    FOR statement IN
        SELECT format('DROP PUBLICATION %I', pubname) FROM pg_catalog.pg_publication
    LOOP
        EXECUTE statement;
    END LOOP;
    FOR statement IN
        SELECT format('DROP EXTENSION IF EXISTS %I CASCADE', extname)
          FROM pg_catalog.pg_extension WHERE extname <> 'plpgsql'
    LOOP
        EXECUTE statement;
    END LOOP;
    FOR statement IN
        SELECT format('DROP SCHEMA %I CASCADE', nspname)
          FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    LOOP
        EXECUTE statement;
    END LOOP;
    -- 16384 is the first oid that is not PostgreSQL's own.
    FOR statement IN
        SELECT format('DROP FOREIGN DATA WRAPPER %I CASCADE', fdwname) FROM pg_catalog.pg_foreign_data_wrapper
        UNION ALL
        SELECT format('DROP LANGUAGE %I CASCADE', lanname)
          FROM pg_catalog.pg_language WHERE oid >= 16384 AND lanname <> 'plpgsql'
        UNION ALL
        SELECT format('DROP ACCESS METHOD %I CASCADE', amname) FROM pg_catalog.pg_am WHERE oid >= 16384
        UNION ALL
        SELECT format('DROP CAST (%s AS %s)', castsource::regtype, casttarget::regtype)
          FROM pg_catalog.pg_cast WHERE oid >= 16384
        UNION ALL
        SELECT format('SELECT lo_unlink(%s)', oid) FROM pg_catalog.pg_largeobject_metadata
    LOOP
        EXECUTE statement;
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
         WHERE d.defaclnamespace = 0
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
         WHERE d.datname = current_database()
    LOOP
        EXECUTE statement;
    END LOOP;
    -- As a new database has it: since PostgreSQL 15 only its owner may create in public.
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
