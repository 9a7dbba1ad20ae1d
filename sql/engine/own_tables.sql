-- sqlrail's own tables: what yoyo's cannot hold. Made by the first transaction that needs one.
-- IF NOT EXISTS would ask for the right to create schemas even where its owner has made this one for the role.
{writes}
-- Citus, told to give each new schema a node of its own, would take this one away from here.
DO $schema$
DECLARE
    shards text := current_setting('citus.enable_schema_based_sharding', true);
BEGIN
    -- Runners of several tenants may want them at once. Whoever has waited for another does not find what that one made by
    -- to_regnamespace(), which remembers that there was none.
    PERFORM pg_catalog.pg_advisory_xact_lock(hashtext('tables of sqlrail'));
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'sqlrail') THEN
        IF shards = 'on' THEN
            PERFORM set_config('citus.enable_schema_based_sharding', 'off', true);
        END IF;
        CREATE SCHEMA sqlrail;
        IF shards = 'on' THEN
            PERFORM set_config('citus.enable_schema_based_sharding', shards, true);
        END IF;
    END IF;
END
$schema$;

CREATE TABLE IF NOT EXISTS sqlrail.stamp (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    environment text NOT NULL CHECK (environment IN ('development', 'test', 'staging', 'production')),
    stamped_at timestamptz NOT NULL DEFAULT now(),
    stamped_by text NOT NULL
);

CREATE TABLE IF NOT EXISTS sqlrail.run (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    verb text NOT NULL,
    migration_id text,
    started_at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    role text NOT NULL DEFAULT session_user,
    relations jsonb NOT NULL DEFAULT '[]'
);

-- What is done of a file that runs outside a transaction: how many statements, the checksum of their text, and what
-- was announced before a statement that refuses one. The same files may run in several schemas, each with its records.
CREATE TABLE IF NOT EXISTS sqlrail.progress (
    records_in text,
    migration_hash text,
    operation text,
    migration_id text NOT NULL,
    done integer NOT NULL,
    checksum text NOT NULL,
    announced jsonb,
    noted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (records_in, migration_hash, operation)
);

-- One row for each row that a cleanup deleted or changed, or that went or was changed by a cascade. The cells are text, and
-- exact under the settings that archive_format.sql names; a typed copy would pin types and break when columns change.
-- The action: orphan, not null and check (deleted for itself; older versions call all three orphan), duplicate, cascade, set null,
-- set default, set value, set reference; of the last two also what cells became.
CREATE TABLE IF NOT EXISTS sqlrail.archive (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run bigint NOT NULL,
    relation text NOT NULL,
    source text NOT NULL,
    action text NOT NULL,
    cells jsonb NOT NULL,
    became jsonb
);
CREATE INDEX IF NOT EXISTS archive_run_idx ON sqlrail.archive USING brin (run);

-- What takes a migration back, as its file was when it was applied, beside its record; the log has the digest of all of it. The
-- text is bytes: whatever the database's encoding is, they are the file's.
CREATE TABLE IF NOT EXISTS sqlrail.rollback (
    records_in text,
    migration_hash text,
    transactional boolean NOT NULL,
    depends text[] NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (records_in, migration_hash)
);

-- What code files have made: what and with which options, and the file's text and checksum.
CREATE TABLE IF NOT EXISTS sqlrail.code (
    records_in text,
    name text,
    kind text NOT NULL,
    identity text NOT NULL,
    checksum text NOT NULL,
    content bytea NOT NULL,
    options text[] NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (records_in, name)
);

-- Since version 3 an action may be any, and a row that was changed says what it became.
DO $further$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute
                    WHERE attrelid = 'sqlrail.archive'::regclass::oid AND attname = 'became' AND NOT attisdropped)
       AND (SELECT pg_has_role(relowner, 'USAGE') FROM pg_catalog.pg_class WHERE oid = 'sqlrail.archive'::regclass::oid)
    THEN
        ALTER TABLE sqlrail.archive ADD COLUMN became jsonb, DROP CONSTRAINT IF EXISTS archive_action_check;
    END IF;
END
$further$;

-- Their version, for those who look whether they are as above. A later one may only add what an older build can do
-- without: an application that is rolled back starts. What is in the statements above is added with IF NOT EXISTS.
DO $version$
BEGIN
    IF (SELECT pg_has_role(relowner, 'USAGE') FROM pg_catalog.pg_class WHERE oid = 'sqlrail.archive'::regclass::oid) THEN
        COMMENT ON TABLE sqlrail.archive IS 'rows that cleanups deleted or changed; the tables of sqlrail are of version 5';
    END IF;
END
$version$;

-- The archive holds personal data: whoever was not named may not read it, whatever the default privileges say.
DO $revoke$
DECLARE
    object record;
BEGIN
    FOR object IN
        SELECT 'SCHEMA sqlrail' AS name, acl.grantee
          FROM pg_catalog.pg_namespace AS n, aclexplode(n.nspacl) AS acl
         WHERE n.nspname = 'sqlrail' AND acl.grantee <> n.nspowner
        UNION
        SELECT pg_catalog.format('%s %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass), acl.grantee
          FROM pg_catalog.pg_class AS c, aclexplode(c.relacl) AS acl
         WHERE c.relnamespace = 'sqlrail'::regnamespace::oid AND acl.grantee <> c.relowner
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON %s FROM %s', object.name,
            CASE object.grantee WHEN 0::oid THEN 'PUBLIC' ELSE object.grantee::regrole::text END);
    END LOOP;
END
$revoke$;
{ours}
