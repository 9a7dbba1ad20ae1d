-- Expressions that a server spells in another way once it has read its own spelling, for test_spelling.py.
CREATE DOMAIN known AS varchar(9) CHECK (VALUE IN ('a', 'b')) CHECK (VALUE NOT IN ('c', 'd') AND VALUE <> 'e' AND length(VALUE) < 5);
CREATE TABLE t (
    id int PRIMARY KEY, state varchar(20) DEFAULT 'new', fixed char(3), many varchar(9)[], qty int, price numeric(9, 2), big bigint,
    day date, at timestamptz, doc jsonb, "odd name" varchar,
    rank int GENERATED ALWAYS AS (CASE WHEN state IN ('new', 'run') THEN 1 WHEN qty BETWEEN 1 AND 9 AND big > 1 THEN -2 ELSE 3 END) STORED,
    CHECK (state IN ('new', 'run', 'it''s, ] done')), CHECK (fixed IN ('a', 'b')), CHECK (many && ARRAY['a', 'b']::varchar[]),
    CHECK (many <@ ARRAY[state, 'x']), CHECK ("odd name" = ANY (ARRAY[state, fixed])),
    CHECK (qty BETWEEN 1 AND 9 AND qty <> 5 AND state <> 'x'), CHECK ((qty > 1 OR qty < -1 OR qty IS NULL) AND (big > qty OR qty IN (1, 2, -3))),
    CHECK (price IN (1, 2.5, -3) OR big IN (1, 2) AND NOT (qty BETWEEN SYMMETRIC 3 AND 1)), CHECK (big = ANY (ARRAY[1, 2])),
    CHECK (day BETWEEN '2020-01-01' AND '2030-01-01' AND at > '2020-01-01 00:00+00'), CHECK (doc ->> 'a' IN ('x', 'y')),
    CHECK ((state, qty) IN (('a', 1), ('b', 2))), CHECK (state LIKE 'a%' OR state ~ '^b' OR coalesce(state, '') IN ('c', 'd')),
    CHECK (extract(year FROM day) IN (2020, 2021)), CHECK (nullif(state, 'x') IS DISTINCT FROM 'y'),
    EXCLUDE USING btree (id WITH =) WHERE (state IN ('new', 'run'))
);
CREATE INDEX t_some ON t (lower(state), (state IN ('a', 'b'))) WHERE state IN ('new', 'run') AND qty BETWEEN 1 AND 2 AND big > 0;
CREATE STATISTICS t_said ON (state IN ('a', 'b')), qty FROM t;
CREATE VIEW v AS SELECT id, CASE WHEN state IN ('new', 'run') THEN 1 END AS r, sum(qty) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s
  FROM t AS x WHERE state NOT IN ('done', 'x') AND qty BETWEEN 1 AND 3 AND EXISTS (SELECT FROM t WHERE t.id = x.id AND t.id > 1 AND t.state IN ('a', 'b'));
CREATE MATERIALIZED VIEW m AS SELECT state IN ('a', 'b') AS is FROM t WHERE qty BETWEEN 1 AND 2 AND big > 0;
CREATE POLICY p ON t USING (state IN ('new', 'run') AND qty BETWEEN 1 AND 2 AND big > 0) WITH CHECK (state IN ('a', 'b'));
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION one(s varchar DEFAULT 'a') RETURNS boolean LANGUAGE sql RETURN s IN ('a', 'b') AND s BETWEEN 'a' AND 'c' AND s <> 'd';
CREATE TRIGGER t BEFORE UPDATE ON t FOR EACH ROW WHEN (NEW.state IN ('new', 'run') AND OLD.qty BETWEEN 1 AND 2 AND OLD.big > 0) EXECUTE FUNCTION f();
CREATE RULE r AS ON DELETE TO t WHERE OLD.state IN ('new', 'run') DO INSTEAD NOTHING;
CREATE TABLE p (state varchar, n int) PARTITION BY LIST ((state IN ('a', 'b')));
CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (true);
