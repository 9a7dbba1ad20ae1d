-- What both databases begin with, and then single differences: each with its name, with what the summary says where it
-- was done to the database and not by the files, and with the statements that do it. test_drift.py tries each of them in
-- both directions.

CREATE SCHEMA other;
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'happy');
CREATE TYPE place AS (x int, y int);
CREATE DOMAIN share AS numeric(5, 2) DEFAULT 0 CONSTRAINT within CHECK (VALUE BETWEEN 0 AND 100);
CREATE TYPE span AS RANGE (SUBTYPE = float8);
CREATE SEQUENCE numbers INCREMENT BY 2 START 3;
CREATE FUNCTION one() RETURNS int LANGUAGE sql IMMUTABLE RETURN 1;
CREATE FUNCTION add(a int, b int DEFAULT 1) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN a + b; END';
CREATE FUNCTION add(a text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN a; END';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE PROCEDURE proceed(n int) LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE TABLE users (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email varchar(100) NOT NULL DEFAULT 'none' UNIQUE,
    name text,
    age int,
    score int,
    title text,
    mood mood DEFAULT 'sad',
    rank share,
    at place,
    nick citext,
    length int GENERATED ALWAYS AS (char_length(name)) STORED,
    created timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT adult CHECK (age >= 18)
);
CREATE INDEX users_name ON users (name);
CREATE INDEX users_sad ON users (age) WHERE mood = 'sad';
CREATE INDEX users_lower ON users (lower(name) DESC NULLS LAST) INCLUDE (age);
CREATE TRIGGER touch BEFORE UPDATE OF name ON users FOR EACH ROW WHEN (NEW.age > 1) EXECUTE FUNCTION touch();
CREATE POLICY mine ON users FOR SELECT USING (name = current_user);
CREATE RULE quiet AS ON DELETE TO users WHERE old.age > 200 DO INSTEAD NOTHING;
CREATE STATISTICS related (dependencies) ON name, age FROM users;
COMMENT ON TABLE users IS 'who';
COMMENT ON COLUMN users.name IS 'how called';
CREATE TABLE events (
    id serial,
    user_id int CONSTRAINT events_user REFERENCES users ON DELETE CASCADE,
    during int4range,
    kind text NOT NULL,
    CONSTRAINT apart EXCLUDE USING gist (during WITH &&),
    CONSTRAINT events_kind UNIQUE (kind, user_id)
);
CREATE TABLE measured (id int NOT NULL, taken date NOT NULL, value numeric) PARTITION BY RANGE (taken);
CREATE TABLE measured_24 PARTITION OF measured FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE measured_rest PARTITION OF measured DEFAULT;
CREATE INDEX measured_value ON measured (value);
CREATE TABLE animal (legs int);
CREATE TABLE dog (name text) INHERITS (animal);
CREATE VIEW named AS SELECT id, name FROM users WHERE name IS NOT NULL;
CREATE VIEW long_named AS SELECT n.id, e.kind FROM named AS n JOIN events AS e ON e.user_id = n.id;
CREATE MATERIALIZED VIEW totals AS SELECT kind, count(*) AS number FROM events GROUP BY kind;
CREATE UNIQUE INDEX totals_kind ON totals (kind);

-- # a table lost
-- > the database lacks it
DROP TABLE dog;

-- # a table more
-- > the files do not build it
CREATE TABLE extra (id int PRIMARY KEY, t text DEFAULT 'x');

-- # a table logged or not
-- > persistence: files say logged, database says unlogged
ALTER TABLE dog SET UNLOGGED;

-- # a storage parameter
-- > option fillfactor: the files do not build it
ALTER TABLE users SET (fillfactor = 70);

-- # a table's comment
-- > comment: files say who, database says
COMMENT ON TABLE users IS E'it''s
other; %';

-- # a comment lost
-- > comment: the database lacks it
COMMENT ON TABLE users IS NULL;

-- # inheritance lost
-- > inherits public.animal: the database lacks it
ALTER TABLE dog NO INHERIT animal;

-- # a replica identity
-- > replica identity
ALTER TABLE users REPLICA IDENTITY FULL;

-- # a column lost
-- > during: the database lacks it
ALTER TABLE events DROP COLUMN during;

-- # a column more
-- > more: the files do not build it
ALTER TABLE events ADD COLUMN more text NOT NULL DEFAULT 'a%s';

-- # a type
-- > score: files say integer, database says bigint
ALTER TABLE users ALTER score TYPE bigint;

-- # a type that views read
-- > kind: files say text, database says character varying(50)
DROP VIEW long_named;
DROP MATERIALIZED VIEW totals;
ALTER TABLE events ALTER kind TYPE varchar(50);
CREATE VIEW long_named AS SELECT n.id, e.kind FROM named AS n JOIN events AS e ON e.user_id = n.id;
CREATE MATERIALIZED VIEW totals AS SELECT kind, count(*) AS number FROM events GROUP BY kind;
CREATE UNIQUE INDEX totals_kind ON totals (kind);

-- # a type that a trigger and a rule read
-- > age: files say integer, database says bigint
DROP TRIGGER touch ON users;
DROP RULE quiet ON users;
ALTER TABLE users ALTER age TYPE bigint;
CREATE RULE quiet AS ON DELETE TO users WHERE old.age > 200 DO INSTEAD NOTHING;
CREATE TRIGGER touch BEFORE UPDATE OF name ON users FOR EACH ROW WHEN (NEW.age > 1) EXECUTE FUNCTION touch();

-- # a length
-- > email: files say character varying(100), database says character varying(255)
ALTER TABLE users ALTER email TYPE varchar(255);

-- # a type with a default
-- > mood: files say public.mood, database says text
DROP INDEX users_sad;
ALTER TABLE users ALTER mood DROP DEFAULT, ALTER mood TYPE text;
ALTER TABLE users ALTER mood SET DEFAULT 'sad';
CREATE INDEX users_sad ON users (age) WHERE mood = 'sad';

-- # a default lost
-- > created default: the database lacks it
ALTER TABLE users ALTER created DROP DEFAULT;

-- # a default more
-- > age default: the files do not build it
ALTER TABLE users ALTER age SET DEFAULT 30;

-- # a default changed
-- > email default: files say 'none'::character varying
ALTER TABLE users ALTER email SET DEFAULT E'it''s \n';

-- # a default by a function
-- > age default: the files do not build it
ALTER TABLE users ALTER age SET DEFAULT one();

-- # not null lost
-- > created: files say not null, database says nullable
ALTER TABLE users ALTER created DROP NOT NULL;

-- # not null more
-- > name: files say nullable, database says not null
ALTER TABLE users ALTER name SET NOT NULL;

-- # identity lost
-- > id identity: the database lacks it
ALTER TABLE users ALTER id DROP IDENTITY;

-- # identity by default
-- > id identity: files say always, database says by default
ALTER TABLE users ALTER id SET GENERATED BY DEFAULT;

-- # identity's steps
-- > id identity increment: files say 1, database says 7
ALTER TABLE users ALTER id SET INCREMENT BY 7;

-- # a generated column
-- > length generated: files say char_length(name), database says (char_length(name) + 1)
ALTER TABLE users DROP COLUMN length, ADD COLUMN length int GENERATED ALWAYS AS (char_length(name) + 1) STORED;

-- # a column no longer generated
-- > length generated
ALTER TABLE users ALTER length DROP EXPRESSION;

-- # a collation
-- > title: files say text, database says text COLLATE
ALTER TABLE users ALTER title TYPE text COLLATE "C";

-- # a column's comment
-- > name comment: files say how called, database says other
COMMENT ON COLUMN users.name IS 'other';

-- # a column's storage
-- > name storage
ALTER TABLE users ALTER name SET STORAGE EXTERNAL;

-- # a primary key lost
-- > constraint users_pkey: the database lacks it
ALTER TABLE events DROP CONSTRAINT events_user;
ALTER TABLE users DROP CONSTRAINT users_pkey;
CREATE UNIQUE INDEX u ON users (id);
ALTER TABLE events ADD CONSTRAINT events_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE;

-- # a primary key more
-- > constraint events_pkey: the files do not build it
ALTER TABLE events ADD PRIMARY KEY (id);

-- # a unique constraint lost
-- > constraint users_email_key: the database lacks it
ALTER TABLE users DROP CONSTRAINT users_email_key;

-- # a unique constraint twice
-- > constraint users_email_key1: the files do not build it
ALTER TABLE users ADD CONSTRAINT users_email_key1 UNIQUE (email);

-- # a unique constraint of other columns
-- > constraint events_kind: files say UNIQUE (kind, user_id), database says UNIQUE (user_id, kind)
ALTER TABLE events DROP CONSTRAINT events_kind, ADD CONSTRAINT events_kind UNIQUE (user_id, kind);

-- # a unique constraint that is deferrable
-- > database says UNIQUE (kind, user_id) DEFERRABLE
ALTER TABLE events DROP CONSTRAINT events_kind, ADD CONSTRAINT events_kind UNIQUE (kind, user_id) DEFERRABLE;

-- # nulls not distinct
-- > database says UNIQUE NULLS NOT DISTINCT
ALTER TABLE events DROP CONSTRAINT events_kind, ADD CONSTRAINT events_kind UNIQUE NULLS NOT DISTINCT (kind, user_id);

-- # a constraint renamed
-- > constraint adult: the database calls it grown
ALTER TABLE users RENAME CONSTRAINT adult TO grown;

-- # a key renamed
-- > constraint users_pkey: the database calls it pk
ALTER TABLE users RENAME CONSTRAINT users_pkey TO pk;

-- # a foreign key lost
-- > constraint events_user: the database lacks it
ALTER TABLE events DROP CONSTRAINT events_user;

-- # a foreign key twice
-- > constraint events_user1: the files do not build it
ALTER TABLE events ADD CONSTRAINT events_user1 FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;

-- # a foreign key's action
-- > database says FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE SET NULL
ALTER TABLE events DROP CONSTRAINT events_user, ADD CONSTRAINT events_user FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL;

-- # a foreign key not valid
-- > constraint events_user: files say valid, database says not valid
ALTER TABLE events DROP CONSTRAINT events_user, ADD CONSTRAINT events_user FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE NOT VALID;

-- # a foreign key that is deferred
-- > DEFERRABLE INITIALLY DEFERRED
ALTER TABLE events ALTER CONSTRAINT events_user DEFERRABLE INITIALLY DEFERRED;

-- # a check lost
-- > constraint adult: the database lacks it
ALTER TABLE users DROP CONSTRAINT adult;

-- # a check changed
-- > constraint adult: files say CHECK ((age >= 18)), database says CHECK ((age >= 21))
ALTER TABLE users DROP CONSTRAINT adult, ADD CONSTRAINT adult CHECK (age >= 21);

-- # a check not valid
-- > constraint adult: files say valid, database says not valid
ALTER TABLE users DROP CONSTRAINT adult, ADD CONSTRAINT adult CHECK (age >= 18) NOT VALID;

-- # an exclusion lost
-- > constraint apart: the database lacks it
ALTER TABLE events DROP CONSTRAINT apart;

-- # an index lost
-- > index users_name: the database lacks it
DROP INDEX users_name;

-- # an index more
-- > index more: the files do not build it
CREATE INDEX more ON users (age, name);

-- # an index that is unique
-- > index users_name: files say
DROP INDEX users_name;
CREATE UNIQUE INDEX users_name ON users (name);

-- # an index's condition
-- > index users_sad: files say
DROP INDEX users_sad;
CREATE INDEX users_sad ON users (age) WHERE mood = 'happy';

-- # an index's method
-- > hash (name)
DROP INDEX users_name;
CREATE INDEX users_name ON users USING hash (name);

-- # an index's order
-- > index users_lower: files say
DROP INDEX users_lower;
CREATE INDEX users_lower ON users (lower(name)) INCLUDE (age);

-- # an index's further columns
-- > index users_lower: files say
DROP INDEX users_lower;
CREATE INDEX users_lower ON users (lower(name) DESC NULLS LAST);

-- # an index renamed
-- > index users_name: the database calls it names
ALTER INDEX users_name RENAME TO names;

-- # an index instead of a constraint
-- > constraint users_email_key: the database lacks it
ALTER TABLE users DROP CONSTRAINT users_email_key;
CREATE UNIQUE INDEX users_email_key ON users (email);

-- # statistics lost
-- > statistics public.related: the database lacks it
DROP STATISTICS related;

-- # a sequence lost
-- > the database lacks it
DROP SEQUENCE numbers;

-- # a sequence's steps
-- > increment: files say 2, database says 5
ALTER SEQUENCE numbers INCREMENT BY 5;

-- # a sequence's bounds
-- > maximum: files say 9223372036854775807, database says 99
ALTER SEQUENCE numbers MAXVALUE 99 CYCLE;

-- # a sequence's type
-- > type: files say bigint, database says integer
ALTER SEQUENCE numbers AS integer;

-- # a sequence's owner
-- > owned by public.events.id: the database lacks it
ALTER SEQUENCE events_id_seq OWNED BY NONE;

-- # a view lost
-- > the database lacks it
DROP VIEW long_named;

-- # a view changed
-- > definition: not as in the files
CREATE OR REPLACE VIEW named AS SELECT id, name FROM users WHERE name <> '';

-- # a view of other columns
-- > columns: files say
DROP VIEW long_named, named;
CREATE VIEW named AS SELECT id, name, age FROM users WHERE name IS NOT NULL;
CREATE VIEW long_named AS SELECT n.id, e.kind FROM named AS n JOIN events AS e ON e.user_id = n.id;

-- # a view's options
-- > security_barrier=true
ALTER VIEW named SET (security_barrier = true);

-- # a materialized view
-- > definition: not as in the files
DROP MATERIALIZED VIEW totals;
CREATE MATERIALIZED VIEW totals AS SELECT kind, count(*) + 1 AS number FROM events GROUP BY kind;
CREATE UNIQUE INDEX totals_kind ON totals (kind);

-- # a materialized view's index
-- > index totals_kind: the database lacks it
DROP INDEX totals_kind;

-- # a function lost
-- > the database lacks it
DROP FUNCTION add(int, int);

-- # a function more
-- > the files do not build it
CREATE FUNCTION more(x int[]) RETURNS SETOF int LANGUAGE sql AS 'SELECT unnest(x)';

-- # a function's body
-- > definition: not as in the files
CREATE OR REPLACE FUNCTION add(a text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN a || '%s;'; END$$;

-- # a function's default
-- > arguments: files say a integer, b integer DEFAULT 1
CREATE OR REPLACE FUNCTION add(a int, b int DEFAULT 2) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN a + b; END';

-- # a function's type
-- > returns: files say text, database says character varying
DROP FUNCTION add(text); CREATE FUNCTION add(a text) RETURNS varchar LANGUAGE plpgsql AS 'BEGIN RETURN a; END';

-- # a function's rights
-- > definition: not as in the files
ALTER FUNCTION add(text) SECURITY DEFINER SET search_path = pg_catalog;

-- # a procedure
-- > the database lacks it
DROP PROCEDURE proceed(int);

-- # a trigger lost
-- > trigger touch: the database lacks it
DROP TRIGGER touch ON users;

-- # a trigger changed
-- > trigger touch: not as in the files
DROP TRIGGER touch ON users;
CREATE TRIGGER touch AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION touch();

-- # a trigger disabled
-- > trigger touch: files say enabled, database says disabled
ALTER TABLE users DISABLE TRIGGER touch;

-- # a rule lost
-- > rule quiet: the database lacks it
DROP RULE quiet ON users;

-- # row-level security
-- > row-level security: files say off, database says on
ALTER TABLE users ENABLE ROW LEVEL SECURITY;

-- # row-level security forced
-- > row-level security of its owner: files say off, database says on
ALTER TABLE users FORCE ROW LEVEL SECURITY;

-- # a policy lost
-- > policy mine: the database lacks it
DROP POLICY mine ON users;

-- # a policy's condition
-- > policy mine: files say
ALTER POLICY mine ON users USING (age = 1);

-- # a policy's command
-- > policy mine: files say
DROP POLICY mine ON users;
CREATE POLICY mine ON users AS RESTRICTIVE FOR DELETE USING (name = current_user);

-- # an enum's value more
-- > values: files say 'sad', 'it''s ok', 'happy', database says
ALTER TYPE mood ADD VALUE 'so; %so' AFTER 'sad';

-- # an enum more
-- > the files do not build it
CREATE TYPE colour AS ENUM ('red', E'\\');

-- # an enum's order
-- > values: files say 'sad', 'it''s ok', 'happy', database says 'happy', 'sad', 'it''s ok'
DROP INDEX users_sad;
ALTER TABLE users ALTER mood DROP DEFAULT;
ALTER TYPE mood RENAME TO moods;
CREATE TYPE mood AS ENUM ('happy', 'sad', 'it''s ok');
ALTER TABLE users ALTER mood TYPE mood USING mood::text::mood, ALTER mood SET DEFAULT 'sad';
DROP TYPE moods;
CREATE INDEX users_sad ON users (age) WHERE mood = 'sad';

-- # a domain's check
-- > constraint within: the database lacks it
ALTER DOMAIN share DROP CONSTRAINT within;

-- # a domain's default
-- > default: files say 0, database says 7
ALTER DOMAIN share SET DEFAULT 7;

-- # a domain that is not null
-- > files say nullable, database says not null
ALTER DOMAIN share SET NOT NULL;

-- # a domain's type
-- > type: files say numeric(5,2), database says numeric(6,3)
ALTER TABLE users ALTER rank TYPE numeric;
DROP DOMAIN share;
CREATE DOMAIN share AS numeric(6, 3) DEFAULT 0 CONSTRAINT within CHECK (VALUE BETWEEN 0 AND 100);
ALTER TABLE users ALTER rank TYPE share;

-- # a field of a composite type
-- > z: the files do not build it
ALTER TYPE place ADD ATTRIBUTE z text;

-- # a range
-- > subtype: files say double precision
DROP TYPE span;
CREATE TYPE span AS RANGE (SUBTYPE = int8);

-- # an extension more
-- > the files do not build it
CREATE EXTENSION btree_gist SCHEMA other;

-- # an extension's schema
-- > schema: files say public, database says other
ALTER EXTENSION citext SET SCHEMA other;

-- # a schema more
-- > the files do not build it
CREATE SCHEMA "Mo""re'%";

-- # a partition more
-- > the files do not build it
CREATE TABLE measured_23 PARTITION OF measured FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');

-- # a partition detached
-- > partition of public.measured: the database lacks it
ALTER TABLE measured DETACH PARTITION measured_24;

-- # a partition's bounds
-- > partition of public.measured: files say FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')
ALTER TABLE measured DETACH PARTITION measured_24;
ALTER TABLE measured ATTACH PARTITION measured_24 FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');

-- # a partitioned table's index
-- > index measured_value: the database lacks it
DROP INDEX measured_value;

-- # a partitioned table's key
-- > constraint measured_pkey: the files do not build it
ALTER TABLE measured ADD PRIMARY KEY (id, taken);

-- # a partitioned table's column
-- > more: the files do not build it
ALTER TABLE measured ADD COLUMN more int DEFAULT 1;

-- # a partitioned table's column's type
-- > id: files say integer, database says bigint
ALTER TABLE measured ALTER id TYPE bigint;

-- # a comment on a function
-- > comment: the files do not build it
COMMENT ON FUNCTION add(text) IS 'adds';

-- # a comment on a constraint
-- > constraint adult comment: the files do not build it
COMMENT ON CONSTRAINT adult ON users IS 'adds';
