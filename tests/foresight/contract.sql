-- What each case of test_contract.py begins with, in a schema of its own: {s}.
CREATE TYPE {s}.mood AS ENUM ('fine', 'sad');
CREATE TABLE {s}.users (
    id int PRIMARY KEY, email text NOT NULL, name varchar(20), legacy text, age int,
    born date NOT NULL DEFAULT '2000-01-01', mood {s}.mood, note text DEFAULT 'none');
CREATE UNIQUE INDEX users_email ON {s}.users (email);
CREATE TABLE {s}.orders (id int PRIMARY KEY, user_id int, total int NOT NULL DEFAULT 0);
CREATE TABLE {s}.items (id int GENERATED ALWAYS AS IDENTITY, order_id int, price numeric(8, 2)) PARTITION BY HASH (id);
CREATE TABLE {s}.items_0 PARTITION OF {s}.items FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE VIEW {s}.adults AS SELECT id, email FROM {s}.users WHERE age > 17;
CREATE FUNCTION {s}.greet(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'hello ' || $1 $$;
CREATE FUNCTION {s}.fill() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN NEW.total := coalesce(NEW.total, 1); RETURN NEW; END $$;
CREATE TABLE {s}.filled (id int, total int);
CREATE TRIGGER filling BEFORE INSERT ON {s}.filled FOR EACH ROW EXECUTE FUNCTION {s}.fill();
CREATE TABLE {s}.log (what text);
CREATE TABLE {s}.told (id int, total int);
CREATE FUNCTION {s}.tell() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO {s}.log (what) VALUES (TG_OP); RETURN NULL; END $$;
CREATE TRIGGER telling AFTER INSERT ON {s}.told FOR EACH ROW EXECUTE FUNCTION {s}.tell();
CREATE FUNCTION {s}.oldest() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT min(legacy) FROM {s}.users); END $$;
INSERT INTO {s}.users (id, email, age) VALUES (1, 'a', 20), (2, 'b', 30);
INSERT INTO {s}.orders VALUES (1, 1, 5);
