-- A table whose id is to become wide, and all that can hang on it; what becomes wide with it says /*wide*/, and stands last.
CREATE SCHEMA "select";
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION refused() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';

CREATE TABLE users (
    name text NOT NULL,
    id /*wide*/int GENERATED ALWAYS AS IDENTITY (START 5 INCREMENT 2 CACHE 3) PRIMARY KEY,
    parent_id /*wide*/int REFERENCES users ON DELETE SET NULL,
    UNIQUE (name, id),
    CONSTRAINT positive CHECK (id > 0)
);
COMMENT ON COLUMN users.id IS 'who it is';
COMMENT ON CONSTRAINT users_pkey ON users IS 'the key';
COMMENT ON CONSTRAINT positive ON users IS 'ids are';
ALTER TABLE users ALTER id SET STATISTICS 500, ALTER id SET (n_distinct = -1);
ALTER TABLE users CLUSTER ON users_pkey;
CREATE INDEX users_upwards ON users (id DESC, name) INCLUDE (parent_id) WITH (fillfactor = 70) WHERE id > 5 AND name <> 'id';
CREATE UNIQUE INDEX users_sums ON users ((id + 1), lower(name));
COMMENT ON INDEX users_upwards IS 'upwards';
CREATE STATISTICS users_both ON name, id FROM users;
GRANT SELECT (id), UPDATE (name) ON users TO pg_monitor;

CREATE TABLE posts (
    id serial PRIMARY KEY,
    title text DEFAULT 'none',
    user_id /*wide*/int NOT NULL DEFAULT 7 REFERENCES users ON DELETE CASCADE
);
CREATE INDEX posts_of ON posts (user_id) WHERE user_id IS NOT NULL;
CREATE TABLE friends (
    one /*wide*/int CONSTRAINT first REFERENCES users,
    other /*wide*/int REFERENCES users DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (one, other) DEFERRABLE
);
CREATE TABLE "select"."order" (
    "group" text PRIMARY KEY,
    "user" /*wide*/smallint UNIQUE
);
ALTER TABLE "select"."order" ADD FOREIGN KEY ("user") REFERENCES users (id) ON UPDATE CASCADE NOT VALID;
CREATE TABLE wishes (id serial PRIMARY KEY, "user" /*wide*/int REFERENCES "select"."order" ("user"));
CREATE TABLE wide (user_id bigint REFERENCES users);
ALTER TABLE "select"."order" REPLICA IDENTITY FULL;

CREATE VIEW people AS SELECT id, name FROM users WHERE id > 3;
CREATE VIEW poets WITH (security_barrier) AS
    SELECT p.id, count(*) AS poems FROM people AS p JOIN posts ON posts.user_id = p.id GROUP BY p.id;
CREATE VIEW of_key AS SELECT id, name FROM users GROUP BY id;
COMMENT ON VIEW poets IS 'poets';
COMMENT ON COLUMN poets.id IS 'of a poet';
ALTER VIEW people ALTER name SET DEFAULT 'nobody';
GRANT SELECT ON poets TO pg_monitor;
GRANT SELECT (id) ON people TO pg_monitor;
CREATE TRIGGER through INSTEAD OF INSERT ON poets FOR EACH ROW EXECUTE FUNCTION refused();

ALTER TABLE posts ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON posts FOR UPDATE USING (user_id = 7) WITH CHECK (user_id > 0);
CREATE POLICY all_of_all ON posts FOR SELECT USING (true);
CREATE TRIGGER noted BEFORE UPDATE OF id ON users FOR EACH ROW WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION noted();
COMMENT ON TRIGGER noted ON users IS 'notes';
ALTER TABLE users DISABLE TRIGGER noted;
CREATE RULE kept AS ON DELETE TO posts WHERE OLD.user_id = 999 DO INSTEAD NOTHING;
CREATE FUNCTION last_id() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT max(id) FROM users; END;
COMMENT ON FUNCTION last_id() IS 'the last';
REVOKE EXECUTE ON FUNCTION last_id() FROM PUBLIC;
CREATE PUBLICATION pub FOR TABLE users (name, id) WHERE (id > 3), TABLE wishes;

-- rows
INSERT INTO users (name) SELECT 'n' || n FROM generate_series(1, 300) AS n;
UPDATE users SET parent_id = id - 2 WHERE id > 10;
INSERT INTO posts (user_id) SELECT id FROM users;
INSERT INTO friends SELECT id, id + 2 FROM users WHERE id < 500;
INSERT INTO "select"."order" SELECT name, id FROM users;
INSERT INTO wishes ("user") SELECT "user" FROM "select"."order";
INSERT INTO wide SELECT id FROM users;
