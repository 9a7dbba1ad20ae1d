-- A database with a bit of everything that pg_dump knows, for test_dump.py; {rows} is the number of rows of its largest
-- table.
CREATE SCHEMA "Odd ""schema"";";
CREATE TYPE mood AS ENUM ('sad', 'it''s ok', '\', 'happy;');
CREATE TYPE point3 AS (x double precision, "y;" numeric(10, 3), z text);
CREATE DOMAIN percentage AS numeric(5, 2) DEFAULT 0 CONSTRAINT within CHECK (VALUE BETWEEN 0 AND 100);
CREATE DOMAIN points AS point3[];
CREATE TYPE float_range AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = float8mi);
CREATE SEQUENCE numbers INCREMENT BY -3 MINVALUE -1000 MAXVALUE 5 START WITH 2 CYCLE;
SELECT nextval('numbers'), nextval('numbers');

CREATE TABLE parent (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    mood mood DEFAULT 'it''s ok',
    share percentage,
    at point3,
    path points,
    during float_range,
    length int GENERATED ALWAYS AS (char_length(name)) STORED,
    CHECK (name <> ';' AND share IS DISTINCT FROM 99.99)
);
INSERT INTO parent (name, mood, share, at, path, during) VALUES
    (E'tab\there, \\ and \\N, line\nfeed, return\r, "quotes" ''and'' $$dollars$$; \\.', '\', 12.5,
     ROW(1.5, 2.125, E'a,"b"\\;\n'), ARRAY[ROW(0, 1, NULL), NULL]::point3[], '[1.5,2)'),
    (E'\\.', 'happy;', NULL, NULL, NULL, 'empty'),
    (E'\\.\nCOMMIT;\n\\connect x', NULL, 0, ROW(NULL, NULL, NULL), '{}', NULL),
    ('日本語 😀 é', DEFAULT, DEFAULT, ROW('NaN', 'NaN', ''), NULL, '(,)'),
    ('', 'sad', 100, NULL, NULL, NULL);

CREATE TABLE "Odd ""schema"";"."Odd table;" (
    "Id" serial PRIMARY KEY,
    "from stdin;" text COLLATE "C",
    "tab	le" int REFERENCES parent ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    EXCLUDE USING btree ("from stdin;" WITH =)
);
INSERT INTO "Odd ""schema"";"."Odd table;" ("from stdin;", "tab	le") VALUES ('a;', 1), (NULL, NULL), (E'\\N', 3);
CREATE TABLE nothing ();
CREATE TABLE empty (LIKE parent INCLUDING ALL);
CREATE UNLOGGED TABLE "desc" (a int, b int, UNIQUE NULLS NOT DISTINCT (a, b)) WITH (fillfactor = 70);
CREATE TABLE child (extra text) INHERITS (parent);
INSERT INTO child (id, name, extra) VALUES (9, 'of child', 'x');

CREATE TABLE measured (id int, taken date NOT NULL, value numeric) PARTITION BY RANGE (taken);
CREATE TABLE measured_2024 PARTITION OF measured FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (id);
CREATE TABLE measured_2024_even PARTITION OF measured_2024 FOR VALUES IN (2, 4);
CREATE TABLE measured_2024_rest PARTITION OF measured_2024 DEFAULT;
CREATE TABLE measured_later PARTITION OF measured DEFAULT;
CREATE INDEX ON measured (id, taken DESC NULLS LAST) INCLUDE (value) WHERE value > 0;
INSERT INTO measured VALUES (1, '2024-05-05', 1.5), (2, '2024-06-06', NULL), (3, '2030-01-01', 'NaN');

CREATE TABLE many (id int PRIMARY KEY, label text, at timestamptz);
INSERT INTO many
SELECT n, CASE n % 5 WHEN 0 THEN NULL WHEN 1 THEN E'tab\t' || n WHEN 2 THEN E'back\\slash' ELSE 'plain é ' || n END,
       timestamptz '2024-01-01 00:00+00' + n * interval '1 minute'
  FROM generate_series(1, {rows}) AS n;
CREATE INDEX many_label ON many USING hash (label);
CREATE INDEX many_lower ON many (lower(label) text_pattern_ops, (id % 7));
CREATE STATISTICS many_statistics (ndistinct, mcv) ON id, label FROM many;

CREATE FUNCTION add(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql IMMUTABLE RETURN a + b;
CREATE FUNCTION twice(n int) RETURNS TABLE (x int, "y;" text) LANGUAGE sql
BEGIN ATOMIC
    SELECT n AS x, 'a;'::text AS y FROM parent WHERE CASE WHEN id > 0 THEN true END;
    SELECT n * 2 AS x, E'\\;'::text AS y;
END;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN
    -- it's a comment; with $$ in it
    EXECUTE $$SELECT ';'$$;
    NEW.name := coalesce(NEW.name, E'\\');
    RETURN NEW;
END;
$f$;
CREATE PROCEDURE proceed(INOUT n int) LANGUAGE plpgsql SET search_path = public, pg_temp AS 'BEGIN n := n + 1; END';
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE OPERATOR #@# (FUNCTION = add, LEFTARG = int, RIGHTARG = int);
CREATE CAST (mood AS text) WITH INOUT AS ASSIGNMENT;
CREATE TRIGGER touch BEFORE INSERT OR UPDATE OF name ON parent FOR EACH ROW WHEN (NEW.name <> ';') EXECUTE FUNCTION touch();
ALTER TABLE parent DISABLE TRIGGER touch;
CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE EVENT TRIGGER watch ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION watch();
CREATE RULE "both;" AS ON DELETE TO nothing DO ALSO (DELETE FROM many WHERE id < 0; NOTIFY news; INSERT INTO many VALUES (0));

CREATE VIEW seen AS SELECT id, name AS "na;me", 1 #@# 2 AS three FROM parent WHERE name LIKE '%;' ESCAPE '\';
CREATE VIEW local WITH (security_barrier) AS SELECT * FROM parent WHERE id > 0 WITH LOCAL CHECK OPTION;
CREATE RULE instead AS ON INSERT TO seen DO INSTEAD (INSERT INTO parent (name) VALUES (NEW."na;me"); NOTIFY news);
CREATE MATERIALIZED VIEW counted AS SELECT mood, count(*) FROM parent GROUP BY 1;
CREATE UNIQUE INDEX ON counted (mood);
CREATE RECURSIVE VIEW counting (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM counting WHERE n < 3;

ALTER TABLE parent ENABLE ROW LEVEL SECURITY;
CREATE POLICY "own;" ON parent FOR SELECT USING (name = current_user OR name = ';');
GRANT SELECT (id, name), UPDATE (name) ON parent TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC;
REVOKE ALL ON FUNCTION add FROM PUBLIC;
CREATE PUBLICATION news FOR TABLE measured;
CREATE TEXT SEARCH CONFIGURATION plain (COPY = simple);
COMMENT ON TABLE parent IS E'it''s; a\\b\n$$ -- /* line two';
COMMENT ON COLUMN parent.name IS '\';
COMMENT ON FUNCTION add IS ';';
COMMENT ON SCHEMA public IS 'not the usual one';

-- A column of every built-in type that a table may have, arrays of each included; a row of values, a row of NULLs.
DO $types$
DECLARE
    type record;
    samples jsonb := '{
        "bool": "true", "bytea": "\\x00ff5c", "char": "\\", "name": "na;me", "int8": "-9223372036854775808",
        "int2": "-32768", "int2vector": "1 2", "int4": "7", "regproc": "now", "text": "a;\\b", "oid": "4294967295",
        "tid": "(1,2)", "xid": "3", "cid": "4", "oidvector": "1 2", "json": "{\"a\" :  1, \"a\": [\"\\u0041;\"]}",
        "xml": "<a b=\"c\">;</a>", "xid8": "18446744073709551615", "point": "(1,2.5)", "lseg": "[(0,0),(1,1)]",
        "path": "((0,0),(1,1))", "box": "(1,1),(0,0)", "polygon": "((0,0),(1,1),(1,0))", "line": "{1,2,3}",
        "float4": "1.1754944e-38", "float8": "-Infinity", "circle": "<(1,2),3>", "money": "-1.23",
        "macaddr": "08:00:2b:01:02:03", "inet": "::1/64", "cidr": "10.0.0.0/8", "macaddr8": "08:00:2b:01:02:03:04:05",
        "aclitem": "=r/postgres", "bpchar": "x  ", "varchar": "it''s", "date": "0044-03-15 BC", "time": "24:00:00",
        "timestamp": "infinity", "timestamptz": "2024-02-29 23:59:59.999999+14", "interval": "-1 year 2 mons -3 days 4:05:06.7",
        "timetz": "23:59:60-15:59", "bit": "1", "varbit": "10101", "numeric": "1e-30", "refcursor": "c;",
        "regprocedure": "abs(integer)", "regoper": "||/", "regoperator": "+(integer,integer)", "regclass": "pg_class",
        "regtype": "integer[]", "regrole": "postgres", "regnamespace": "pg_catalog", "uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "pg_lsn": "16/B374D848", "tsvector": "''a;'':1A b", "tsquery": "''a;'' & !b", "regconfig": "simple",
        "regdictionary": "simple", "regcollation": "\"C\"", "int8multirange": "{[1,3)}",
        "tsmultirange": "{}", "tstzmultirange": "{(,)}", "jsonb": "{\"a\": [null, 1.10, \";\"]}", "jsonpath": "$.\"a;\"[*]", "txid_snapshot": "10:20:10,14",
        "pg_snapshot": "10:20:10,14", "int4range": "[1,5)", "numrange": "(,1.5]", "tsrange": "empty",
        "tstzrange": "[2024-01-01 00:00:00+00,)", "daterange": "[2024-01-01,2024-02-01)", "int8range": "(,)",
        "int4multirange": "{[1,3),[5,7)}", "nummultirange": "{}", "datemultirange": "{[2024-01-01,)}"}';
BEGIN
    CREATE TABLE types (id int);
    INSERT INTO types VALUES (1), (2);
    FOR type IN
        SELECT t.typname, format_type(t.oid, NULL) AS spelled, samples ->> coalesce(e.typname, t.typname) AS sample,
               e.oid IS NOT NULL AS is_array
          FROM pg_catalog.pg_type AS t
          LEFT JOIN pg_catalog.pg_type AS e ON e.typarray = t.oid
         WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype IN ('b', 'r', 'm')
           AND t.typrelid = 0 AND coalesce(e.typtype, 'b') NOT IN ('c', 'p')
         ORDER BY t.typname
    LOOP
        EXECUTE format('ALTER TABLE types ADD %I %s', 'a ' || type.typname, type.spelled);
        BEGIN
            EXECUTE format('UPDATE types SET %I = %L WHERE id = 1', 'a ' || type.typname,
                           CASE WHEN type.typname = '_box' THEN '{(1,1),(0,0);(2,2),(0,0)}'
                                WHEN type.is_array THEN ARRAY[type.sample, NULL]::text ELSE type.sample END);
        EXCEPTION WHEN feature_not_supported THEN  -- xml, where the server was built without it
            NULL;
        END;
    END LOOP;
    IF (SELECT count(*) FROM information_schema.columns WHERE table_name = 'types') < 150 THEN
        RAISE EXCEPTION 'there should be more types';
    END IF;
END
$types$;
