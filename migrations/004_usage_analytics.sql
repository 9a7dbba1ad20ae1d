-- No migration made this table. An ORM did, dropping its key to users and adding it again at every start, until an
-- event of a deleted user had slipped in between. Then the key could not come back, and deployments failed.
--
-- depends: 003_onboarding
-- cleanup: usage_analytics.user_id -> users.id
-- lint: ignore prefer-text-field because the tables that an ORM made have these types
-- lint: ignore adding-not-nullable-field because on columns that have it already it reads nothing

-- What the columns of another shape mean, only their owner knows. So this stops, and says what it saw.
DO $$
DECLARE
    name  text;
    needs text[];
    way   text;
    has   text[];
BEGIN
    FOR name, needs, way IN VALUES
        ('users', ARRAY['id uuid'], 'Change the type of users.id, and of what refers to it, by hand.'),
        ('usage_analytics', ARRAY[
            'id uuid', 'user_id uuid', 'event_type character varying(100)', 'event_data jsonb',
            'session_id character varying(255)', 'ip_address inet', 'user_agent text',
            'created_at timestamp with time zone'],
            'An older version said feature_name, action and metadata. To go on with its rows: '
            'ALTER TABLE usage_analytics RENAME COLUMN feature_name TO event_type; '
            'ALTER TABLE usage_analytics RENAME COLUMN metadata TO event_data; '
            'then ALTER TABLE usage_analytics ADD COLUMN ... for what is still missing. To start anew beside them: '
            'ALTER TABLE usage_analytics RENAME TO usage_analytics_old;')
    LOOP
        has := ARRAY(
            SELECT concat_ws(' ', attname, format_type(atttypid, atttypmod))
            FROM pg_attribute
            WHERE attrelid = to_regclass(name) AND attnum > 0 AND NOT attisdropped
            ORDER BY attnum);
        IF has <> '{}' AND NOT has @> needs THEN
            RAISE EXCEPTION '% has the columns (%), and this migration needs (%)',
                name, array_to_string(has, ', '), array_to_string(needs, ', ')
                USING ERRCODE = 'SR001', HINT = way;
        END IF;
        -- A table made here would hide one that is found further along search_path.
        IF to_regclass(name) IS DISTINCT FROM to_regclass(quote_ident(current_schema()) || '.' || name) THEN
            RAISE EXCEPTION '% exists, but not in %, where this migration would make it', name, current_schema()
                USING ERRCODE = 'SR001', HINT = 'Put the schema of the table first in search_path.';
        END IF;
    END LOOP;
END $$;

CREATE TABLE IF NOT EXISTS usage_analytics (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    event_type varchar(100) NOT NULL,
    event_data jsonb,
    session_id varchar(255),
    ip_address inet,
    user_agent text,
    created_at timestamptz DEFAULT now()
);

-- An index of another name will do. A key has to be exactly this one; where it has to be made, that comes first, as
-- it reads every row, and only then the short but stronger locks of DROP and RENAME.
DO $$
DECLARE
    target CONSTANT text := 'FOREIGN KEY (user_id) REFERENCES users(id)';
    wanted CONSTANT text := target || ' ON DELETE CASCADE';
    child   text;
    indexed text[];
    item    text;
BEGIN
    FOR child, indexed IN VALUES
        ('usage_analytics', ARRAY['user_id', 'event_type', 'created_at', 'session_id'])
    LOOP
        FOREACH item IN ARRAY indexed LOOP
            IF NOT EXISTS (
                SELECT FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
                WHERE indrelid = child::regclass AND attname = item
                  AND indnkeyatts = 1 AND indisvalid AND indpred IS NULL
            ) THEN
                EXECUTE format('CREATE INDEX ON %I (%I)', child, item);
            END IF;
        END LOOP;

        IF NOT EXISTS (
            SELECT FROM pg_constraint WHERE conrelid = child::regclass AND pg_get_constraintdef(oid) = wanted
        ) THEN
            EXECUTE format('ALTER TABLE %I ADD %s', child, wanted);
        END IF;
        FOR item IN
            SELECT conname FROM pg_constraint
            WHERE conrelid = child::regclass AND starts_with(pg_get_constraintdef(oid), target)
            ORDER BY pg_get_constraintdef(oid) = wanted DESC, conname = child || '_user_id_fkey' DESC
            OFFSET 1
        LOOP
            EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', child, item);
        END LOOP;
        SELECT conname INTO item FROM pg_constraint
        WHERE conrelid = child::regclass AND pg_get_constraintdef(oid) = wanted;
        IF item <> child || '_user_id_fkey' THEN
            EXECUTE format('ALTER TABLE %I RENAME CONSTRAINT %I TO %I', child, item, child || '_user_id_fkey');
        END IF;
    END LOOP;
END $$;

ALTER TABLE usage_analytics
    ALTER COLUMN id SET DEFAULT gen_random_uuid(),
    ALTER COLUMN created_at SET DEFAULT now(),
    ALTER COLUMN user_id SET NOT NULL,
    ALTER COLUMN event_type SET NOT NULL;
