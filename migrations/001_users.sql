-- Everything belongs to a user, so users come first. What is theirs goes when they go, and nothing may name a user
-- who is not there. The database sees to that itself, instead of trusting each program that writes to it.
-- Tables that an ORM made are taken over with their rows; each file does only what is missing.
--
-- cleanup: subscriptions.user_id -> users.id
-- cleanup: sessions.user_id -> users.id
-- lint: ignore prefer-text-field because the tables that an ORM made have these types
-- lint: ignore adding-not-nullable-field because on columns that have it already it reads nothing

-- What the columns of another shape mean, only their owner knows. So this stops, and says what it saw.
DO $$
DECLARE
    name  text;
    needs text[];
    has   text[];
BEGIN
    FOR name, needs IN VALUES
        ('users', ARRAY[
            'id uuid', 'email character varying(255)', 'password_hash character varying(500)',
            'first_name character varying(100)', 'last_name character varying(100)',
            'google_id character varying(255)', 'is_verified boolean',
            'verification_token character varying(500)', 'refresh_token text',
            'created_at timestamp with time zone', 'updated_at timestamp with time zone']),
        ('subscriptions', ARRAY[
            'id uuid', 'user_id uuid', 'plan character varying(50)', 'status character varying(50)',
            'cancel_at_period_end boolean', 'current_period_end timestamp with time zone',
            'created_at timestamp with time zone', 'updated_at timestamp with time zone']),
        ('sessions', ARRAY[
            'id uuid', 'user_id uuid', 'token_hash character varying(255)',
            'expires_at timestamp with time zone', 'created_at timestamp with time zone'])
    LOOP
        has := ARRAY(
            SELECT concat_ws(' ', attname, format_type(atttypid, atttypmod))
            FROM pg_attribute
            WHERE attrelid = to_regclass(name) AND attnum > 0 AND NOT attisdropped
            ORDER BY attnum);
        IF has <> '{}' AND NOT has @> needs THEN
            RAISE EXCEPTION '% has the columns (%), and this migration needs (%)',
                name, array_to_string(has, ', '), array_to_string(needs, ', ')
                USING ERRCODE = 'SR001', HINT =
                    'Change the table by hand (ALTER TABLE ... RENAME COLUMN keeps its rows), or, while no database '
                    'has run it, this file.';
        END IF;
        -- A table made here would hide one that is found further along search_path.
        IF to_regclass(name) IS DISTINCT FROM to_regclass(quote_ident(current_schema()) || '.' || name) THEN
            RAISE EXCEPTION '% exists, but not in %, where this migration would make it', name, current_schema()
                USING ERRCODE = 'SR001', HINT = 'Put the schema of the table first in search_path.';
        END IF;
    END LOOP;
END $$;

-- Timestamps stay nullable, here and in the files that follow: rows that were written without one must fit.
CREATE TABLE IF NOT EXISTS users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email varchar(255) NOT NULL UNIQUE,
    password_hash varchar(500) NOT NULL,
    first_name varchar(100),
    last_name varchar(100),
    google_id varchar(255),
    is_verified boolean DEFAULT false,
    verification_token varchar(500),
    refresh_token text,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now()
);

CREATE TABLE IF NOT EXISTS subscriptions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    plan varchar(50) NOT NULL,
    status varchar(50) NOT NULL,
    cancel_at_period_end boolean DEFAULT false,
    current_period_end timestamptz,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now()
);

CREATE TABLE IF NOT EXISTS sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash varchar(255) NOT NULL,
    expires_at timestamptz NOT NULL,
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
        ('subscriptions', ARRAY['user_id']),
        ('sessions', ARRAY['user_id'])
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

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
        WHERE indrelid = 'users'::regclass AND attname = 'email'
          AND indnkeyatts = 1 AND indisunique AND indisvalid AND indpred IS NULL
    ) THEN
        ALTER TABLE users ADD UNIQUE (email);
    END IF;
END $$;

ALTER TABLE users
    ALTER COLUMN id SET DEFAULT gen_random_uuid(),
    ALTER COLUMN is_verified SET DEFAULT false,
    ALTER COLUMN created_at SET DEFAULT now(),
    ALTER COLUMN updated_at SET DEFAULT now(),
    ALTER COLUMN email SET NOT NULL,
    ALTER COLUMN password_hash SET NOT NULL;

ALTER TABLE subscriptions
    ALTER COLUMN id SET DEFAULT gen_random_uuid(),
    ALTER COLUMN cancel_at_period_end SET DEFAULT false,
    ALTER COLUMN created_at SET DEFAULT now(),
    ALTER COLUMN updated_at SET DEFAULT now(),
    ALTER COLUMN user_id SET NOT NULL,
    ALTER COLUMN plan SET NOT NULL,
    ALTER COLUMN status SET NOT NULL;

ALTER TABLE sessions
    ALTER COLUMN id SET DEFAULT gen_random_uuid(),
    ALTER COLUMN created_at SET DEFAULT now(),
    ALTER COLUMN user_id SET NOT NULL,
    ALTER COLUMN token_hash SET NOT NULL,
    ALTER COLUMN expires_at SET NOT NULL;
