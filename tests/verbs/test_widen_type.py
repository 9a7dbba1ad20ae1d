"""The verb widen with a type: a column gets it file by file, as ALTER TABLE … TYPE … USING would have given it."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from conftest import query
from console import Sqlrail, sqlrail
from test_widen import LEFT, Shop, beside, files

__all__ = ["sqlrail"]  # the fixture

ROWS = "SELECT id, x::text FROM t ORDER BY id"
VALUES = "INSERT INTO t (x) SELECT {} FROM generate_series(1, 300) AS n"
#: each with the table's other parts, its rows, and what widen and ALTER TABLE are told
TYPES = {
    "int to numeric": (
        "x int NOT NULL DEFAULT 7 CHECK (x > -5000)", "(n * 37) % 1000 - 500",
        ("--type", "numeric(12,2)"), "TYPE numeric(12,2)",
    ),
    "text to date": (
        "x text", "CASE WHEN n % 7 > 0 THEN to_char(date '2001-01-01' + n, 'DD.MM.YYYY') END",
        ("--type", "date", "--using", "to_date(x, 'DD.MM.YYYY')", "--back", "to_char(x, 'DD.MM.YYYY')"),
        "TYPE date USING to_date(x, 'DD.MM.YYYY')",
    ),
    "varchar to int": (
        "x varchar(9) NOT NULL", "lpad(n::text, 3 + n % 3, '0')",
        ("--type", "int", "--using", "x::int"), "TYPE int USING x::int",
    ),
    "timestamp to timestamptz": (
        "x timestamp DEFAULT now()", "timestamp '2001-01-01' + n * interval '7 h'",
        ("--type", "timestamptz"), "TYPE timestamptz",
    ),
    "timestamp to timestamptz of another zone": (
        "x timestamp NOT NULL", "timestamp '2001-01-01' + n * interval '7 h'",
        ("--type", "timestamptz", "--using", "x AT TIME ZONE 'Asia/Tokyo'", "--back", "x AT TIME ZONE 'Asia/Tokyo'"),
        "TYPE timestamptz USING x AT TIME ZONE 'Asia/Tokyo'",
    ),
    "int to text": ("x int DEFAULT 0", "nullif(n % 5, 0)", ("--type", "text"), "TYPE text"),
    "smallint to int": ("x smallint NOT NULL DEFAULT 3", "n", ("--type", "integer"), "TYPE integer"),
    "bigserial to int": ("x bigserial", "n", ("--type", "integer"), "TYPE integer"),
    "text to a shorter one": (
        """x varchar(20) COLLATE "C" NOT NULL""", "'n' || n", ("--type", "varchar(5)"), "TYPE varchar(5)",
    ),
    "text to an enum": (
        "x text NOT NULL", "(ARRAY['low', 'high'])[1 + n % 2]",
        ("--type", "Level", "--using", "x::public.level"), "TYPE level USING x::level",
    ),
    "json to jsonb": ("x json", "json_build_object('n', n)", ("--type", "jsonb"), "TYPE jsonb"),
    "text to json": ("x text", "'[' || n || ']'", ("--type", "json", "--using", "x::json"), "TYPE json USING x::json"),
    "of two columns": (
        "x int NOT NULL, y text DEFAULT 'b'", "n",
        ("--type", "text", "--using", "t.y || (x)", "--back", "ltrim(x, y)::int"), "TYPE text USING y || x",
    ),
    "array": ("x int[]", "ARRAY[n, n + 1]", ("--type", "bigint[]"), "TYPE bigint[]"),
    "array to one of texts": ("x int[]", "ARRAY[n, NULL]", ("--type", "text[]"), "TYPE text[]"),
    "domain": ("x int", "n", ("--type", "amount"), "TYPE amount"),
    "of a row with nulls": ("x pair", "ROW(nullif(n % 3, 0), NULL)::pair", ("--type", "text"), "TYPE text"),
    "to a row with nulls": (
        "x int NOT NULL", "n",
        ("--type", "pair", "--using", "ROW(nullif(x, 7), NULL)::public.pair", "--back", "coalesce((x).a, 7)"),
        "TYPE pair USING ROW(nullif(x, 7), NULL)::pair",
    ),
    "of a null": (
        "x text", "nullif(n % 3, 0)",
        ("--type", "varchar", "--using", "coalesce(x, 'none')", "--back", "nullif(x, 'none')"),
        "TYPE varchar USING coalesce(x, 'none')",
    ),
}  # fmt: skip
HEAD = """
    CREATE TYPE level AS ENUM ('low', 'high'); CREATE TYPE pair AS (a int, b int);
    CREATE DOMAIN amount AS numeric(9, 1);
    CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {});
"""
MORE = """
    CREATE INDEX t_x ON t (x); CREATE VIEW v AS SELECT id, x FROM t; COMMENT ON COLUMN t.x IS 'what it is';
    GRANT SELECT (x) ON t TO pg_monitor; ALTER TABLE t ALTER x SET STATISTICS 77;
"""
#: of these, those that have no order
WITHOUT_INDEX = {"json to jsonb", "text to json"}


def made(scene: str) -> str:
    """The schema of a scene."""
    columns, values, _, _ = TYPES[scene]
    more = MORE.partition(";")[2] if scene in WITHOUT_INDEX else MORE
    return f"{HEAD.format(columns)}{more}{VALUES.format(values)}"


def altered(scene: str) -> str:
    """What ALTER TABLE makes of it, with the view aside."""
    return f"DROP VIEW v; ALTER TABLE t ALTER x {TYPES[scene][3]}; CREATE VIEW v AS SELECT id, x FROM t"


def widen(shop: Shop, *words: str) -> list[str]:
    """The ids of the files."""
    return [file["id"] for file in shop.done("widen", *words, "--json").document["files"]]


@pytest.mark.parametrize("scene", TYPES)
def test_it_becomes_what_alter_table_makes_of_it(scene: str, any_database: str, sqlrail: Sqlrail) -> None:
    with beside(any_database, f"{made(scene)}; {altered(scene)}") as wanted:
        shop = Shop(any_database, sqlrail, made(scene))
        ids = widen(shop, "t.x", *TYPES[scene][2])
        shop.done("lint", "--check")
        shop.done("plan")
        shop.done("migrate")
        assert shop.differs(wanted) == []
        assert shop.query(ROWS) == query(wanted, ROWS)
        assert shop.query(LEFT) == []
    assert len(ids) == (6 if scene == "smallint to int" else 7)


CHANGED = (
    "UPDATE t SET id = DEFAULT WHERE id = 5; UPDATE t SET x = (SELECT x FROM t WHERE id = 6) WHERE id = 8"
)


@pytest.mark.parametrize("scene", TYPES)
def test_each_file_can_be_undone_and_done_again(scene: str, database: str, sqlrail: Sqlrail) -> None:
    with beside(database, made(scene)) as before:
        shop = Shop(database, sqlrail, made(scene))
        *ids, drop = widen(shop, "t.x", *TYPES[scene][2])
        for last in ids[:-2]:
            shop.done("migrate", "--to", last)
            shop.done("rollback", "--to", "001_base")
            assert shop.differs(before) == [], last
        shop.done("migrate", "--to", ids[-1])
        for url in (shop.url, before):
            query(url, CHANGED)
        shop.done("rollback", "--to", "001_base")
        assert shop.differs(before) == []
        found = dict(shop.query(ROWS))
        # What was written behind the swap is spelt as the way back spells it.
        assert {id_ for id_, value in query(before, ROWS) if found[id_] != value} <= {8}
        shop.done("migrate", "--to", drop)
        assert shop.query(LEFT) == []


def test_settings_of_whoever_writes_do_not_count(database: str, sqlrail: Sqlrail) -> None:
    shop = Shop(database, sqlrail, made("timestamp to timestamptz"))
    *ids, _ = widen(shop, "t.x", "--type", "timestamptz")
    (before,) = shop.query("SELECT array_agg(x::text ORDER BY id) FROM t")
    for last in ids[:4]:
        shop.done("migrate", "--to", last)
        shop.query("SET timezone = 'Asia/Tokyo'; UPDATE t SET x = x WHERE id % 3 = 0")
    shop.done("migrate")
    # the session of widen had the server's own
    assert shop.query("SELECT array_agg((x AT TIME ZONE reset_val)::text ORDER BY id) FROM t, pg_settings"
                      " WHERE name = 'TimeZone' GROUP BY reset_val") == [before]  # fmt: skip


def test_a_name_with_a_percent_sign_is_named_as_it_is(database: str, sqlrail: Sqlrail) -> None:
    shop = Shop(
        database,
        sqlrail,
        'CREATE TABLE t ("%s" int PRIMARY KEY, "50 % off" text); INSERT INTO t VALUES (7, $$a$$)',
    )
    widen(shop, 't."50 % off"', "--type", "int", "--using", '"50 % off"::int')
    message = shop.call("migrate", "--json").error["message"]
    assert '"50 % off" is no integer in 1 row of public.t: ("%s") = (7)' in message


SPELT = """
    CREATE TABLE t (id int, part int, x text NOT NULL, PRIMARY KEY (part, id));
    INSERT INTO t SELECT n, 1, n FROM generate_series(1, 90) AS n
"""


def test_rows_that_cannot_become_it_are_named_before_anything_has_changed_places(
    database: str, sqlrail: Sqlrail
) -> None:
    shop = Shop(database, sqlrail, SPELT)
    shop.query("UPDATE t SET x = 'n' || id WHERE id % 11 = 0; UPDATE t SET x = 'seven' WHERE id = 7")
    *_, indexes, _, _, _ = ids = widen(shop, "t.x", "--type", "int", "--using", "x::int")
    shop.done("migrate", "--to", ids[1])
    shop.query("UPDATE t SET x = x WHERE id = 7; UPDATE t SET x = 'eleven' WHERE id = 11")
    error = shop.call("migrate", "--json").error
    assert Path(error["place"]["path"]).stem == indexes
    assert "x is no integer in 9 rows of public.t: (part, id) = (1, 7)" in error["message"]
    assert "eleven" not in error["message"]
    with pytest.raises(psycopg.DataError):
        shop.query("UPDATE t SET x = 'eight' WHERE id = 8")
    assert shop.query("SELECT x FROM t WHERE id = 11") == [("eleven",)]
    shop.query("UPDATE t SET x = id WHERE x ~ '[a-z]'")
    shop.done("migrate")
    assert shop.query("SELECT bool_and(x = id) FROM t") == [(True,)]


def test_an_expression_that_changes_its_mind_does_not_get_to_the_swap(
    database: str, sqlrail: Sqlrail
) -> None:
    shop = Shop(database, sqlrail, made("int to text"))
    *_, indexes, _, _, _ = widen(shop, "t.x", "--type", "text", "--using", "coalesce(x, 0) || now()::text")
    error = shop.call("migrate", "--json").error
    assert (Path(error["place"]["path"]).stem, "a second time" in error["message"]) == (indexes, True)
    shop.done("rollback", "--to", "001_base")


def test_a_value_that_the_old_type_cannot_hold_closes_the_way_back_and_nothing_else(
    database: str, sqlrail: Sqlrail
) -> None:
    shop = Shop(database, sqlrail, made("int to numeric"))
    *ids, _ = widen(shop, "t.x", "--type", "numeric(12,2)")
    shop.done("migrate", "--to", ids[-1])
    shop.query(
        "UPDATE t SET x = 1.5 WHERE id = 1; UPDATE t SET x = 9999999999 WHERE id = 2; INSERT INTO t (x) VALUES (2.5)"
    )
    for _ in range(2):
        assert (
            "public.t.x has values that integer cannot hold"
            in shop.call("rollback", "--json").error["message"]
        )
        shop.query("UPDATE t SET x = 3.5 WHERE id = 3")
    shop.query("UPDATE t SET x = 17 WHERE x <> trunc(x) OR x > 9999")
    shop.done("rollback")
    for value in ("1.5", "9999999999"):
        with pytest.raises(psycopg.Error):
            shop.query(f"UPDATE t SET x = {value}")
    shop.query("UPDATE t SET x = 18 WHERE id = 1")
    shop.done("rollback", "--to", "001_base")
    assert shop.query("SELECT x FROM t WHERE id < 4 OR id > 300 ORDER BY id") == [(18,), (17,), (17,), (17,)]


def test_without_a_cast_back_the_way_back_ends_at_the_swap(database: str, sqlrail: Sqlrail) -> None:
    with beside(
        database, SPELT.replace("text", "date").replace("1, n F", "1, date '2001-01-01' + n F")
    ) as before:
        shop = Shop(database, sqlrail, SPELT)
        shop.query("ALTER TABLE t ALTER x TYPE date USING date '2001-01-01' + id")
        document = shop.done(
            "widen", "t.x", "--type", "int", "--using", "x - date '2000-01-01'", "--json"
        ).document
        rollbacks = {file["id"]: file["rollback"] for file in document["files"]}
        *ids, swap, validate, _ = rollbacks
        assert [rollbacks[id_] for id_ in (swap, validate)] == [None, None]
        assert "without --back there is no way back" in "".join(document["notes"])
        shop.done("migrate", "--to", ids[-1])
        shop.done("rollback", "--to", "001_base")
        assert shop.differs(before) == []
        shop.done("migrate", "--to", validate)
        shop.query("INSERT INTO t (id, part, x) VALUES (91, 1, 0)")
        assert shop.call("rollback").code == 3
        shop.done("migrate")
        assert shop.query("SELECT bool_and(x = 366 + id OR id > 90) FROM t") == [(True,)]


JOINED = """
    CREATE TABLE p (n text, k {0} PRIMARY KEY, boss {0} REFERENCES p);
    CREATE TABLE c (id int PRIMARY KEY, k {0} DEFAULT 4 REFERENCES p ON UPDATE CASCADE, UNIQUE (id, k));
    CREATE TABLE d (
        id int PRIMARY KEY, c_id int, c_k {0}, FOREIGN KEY (c_id, c_k) REFERENCES c (id, k) ON UPDATE CASCADE
    );
    INSERT INTO p SELECT 'n', n, 1 FROM generate_series(1, 50) AS n;
    INSERT INTO c SELECT n, n FROM generate_series(1, 50) AS n;
    INSERT INTO d SELECT n, n, n FROM generate_series(1, 50) AS n;
"""


@pytest.mark.parametrize("column", ["p.k", "c.k", "d.c_k"])
def test_what_foreign_keys_join_becomes_it_together(column: str, any_database: str, sqlrail: Sqlrail) -> None:
    with beside(any_database, JOINED.format("text")) as wanted:
        shop = Shop(any_database, sqlrail, JOINED.format("int"))
        *ids, drop = widen(shop, column, "--type", "text")
        shop.done("migrate", "--to", ids[-1])
        shop.query("UPDATE p SET k = 60 WHERE k = '50'; UPDATE p SET boss = '2' WHERE k = '3'")
        shop.done("rollback", "--to", "001_base")
        assert shop.query("SELECT k FROM c WHERE id = 50") == [(60,)]
        shop.done("migrate", "--to", drop)
        assert shop.differs(wanted) == []
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        shop.query("INSERT INTO c VALUES (51, 'nobody')")


INSTANT = {
    "varchar to text": ("varchar(20)", "text"),
    "varchar to a longer one": ("varchar(20)", "varchar(30)"),
    "varchar to any": ("varchar(20)", "varchar"),
    "text to varchar": ("text", "varchar"),
    "numeric of more digits": ("numeric(10,2)", "numeric(12,2)"),
    "numeric of any": ("numeric(10,2)", "numeric"),
    "finer time": ("timestamptz(2)", "timestamptz(4)"),
    "finest time": ("timestamptz(2)", "timestamptz"),
    "bits": ("varbit(20)", "varbit(30)"),
    "network": ("cidr", "inet"),
}  # fmt: skip
REWRITTEN = {
    "numeric of another scale": ("numeric(10,2)", "numeric(12,3)"),
    "numeric of fewer digits": ("numeric(12,2)", "numeric(10,2)"),
    "numeric from any": ("numeric", "numeric(10,2)"),
    "varchar to a shorter one": ("varchar(30)", "varchar(20)"),
    "text to a short one": ("text", "varchar(20)"),
    "char": ("char(20)", "char(30)"),
    "coarser time": ("timestamptz(4)", "timestamptz(2)"),
    "inet to cidr": ("inet", "cidr"),
    "a domain": ("numeric(12,2)", "amount"),
}  # fmt: skip
#: where the table and its indexes lie, and what their rows were written by
LYING = "SELECT oid::regclass::text, relfilenode FROM pg_class WHERE relname ~ '^t(_|$)' ORDER BY 1"


@pytest.mark.parametrize(("old", "new"), INSTANT.values(), ids=INSTANT)
def test_what_alter_table_does_not_rewrite_is_one_file(
    old: str, new: str, any_database: str, sqlrail: Sqlrail
) -> None:
    index = "" if new == "inet" else "CREATE INDEX ON t (x); "
    shop = Shop(any_database, sqlrail, f"{HEAD.format(f'x {old}')} {index}INSERT INTO t DEFAULT VALUES")
    before = shop.query(LYING)
    assert len(widen(shop, "t.x", "--type", new)) == 1
    (file,) = shop.done("plan", "--json").document["files"]
    assert file["verdict"] == "instant"
    shop.done("lint", "--check")
    shop.done("migrate")
    assert shop.query(LYING) == before
    shop.done("rollback")


@pytest.mark.parametrize(("old", "new"), REWRITTEN.values(), ids=REWRITTEN)
def test_what_it_does_rewrite_is_not(old: str, new: str, database: str, sqlrail: Sqlrail) -> None:
    shop = Shop(database, sqlrail, HEAD.format(f"x {old}"))
    assert len(widen(shop, "t.x", "--type", new)) == 7
    shop.done("migrate")


@pytest.mark.parametrize(
    "more",
    [
        "CREATE VIEW v AS SELECT x FROM t", "ALTER TABLE t ADD CHECK (x > 'a')", "CREATE INDEX ON t (lower(x))",
        """ALTER TABLE t ALTER x TYPE varchar(20) COLLATE "C"; CREATE INDEX ON t (x)""",
    ],
)  # fmt: skip
def test_nor_is_what_would_keep_everybody_waiting_all_the_same(
    more: str, database: str, sqlrail: Sqlrail
) -> None:
    shop = Shop(database, sqlrail, f"{HEAD.format('x varchar(20)')}; {more}")
    assert len(widen(shop, "t.x", "--type", "text")) == 7
    shop.done("migrate")


def test_a_partitioned_table_gets_such_a_type_and_a_partition_alone_does_not(
    database: str, sqlrail: Sqlrail
) -> None:
    parted = "CREATE TABLE t (id int, x varchar(9)) PARTITION BY LIST (id); CREATE TABLE one PARTITION OF t DEFAULT;"
    parted += "CREATE INDEX ON t (x); COMMENT ON COLUMN one.x IS 'what it is'"
    shop = Shop(database, sqlrail, parted)
    assert "public.one has parents" in shop.call("widen", "one.x", "--type", "text").err
    assert len(widen(shop, "t.x", "--type", "text")) == 1
    shop.done("migrate")
    assert shop.query("SELECT pg_typeof(x)::text FROM one RIGHT JOIN (VALUES (1)) AS v ON true") == [
        ("text",)
    ]


REFUSED = {
    "no cast": ("", ("t.x", "--type", "uuid"), "public.t.x is integer, and PostgreSQL assigns that to no uuid"),
    "not assigned": ("", ("t.x", "--type", "date", "--using", "x || 'n'"), "is not assigned to date"),
    "the same type": ("", ("t.x", "--type", "int4"), "public.t.x is integer already"),
    "a default": (
        "ALTER TABLE t ALTER y SET DEFAULT '2001-01-01'", ("t.y", "--type", "date", "--using", "y::date"),
        "the default '2001-01-01'::text of public.t.y",
    ),
    "an identity column": ("", ("t.id", "--type", "text"), "public.t.id is an identity"),
    "a generated column": (
        "ALTER TABLE t ADD g int GENERATED ALWAYS AS (x * 2) STORED", ("t.g", "--type", "text"), "t.g is generated",
    ),
    "foreign keys": (
        "CREATE TABLE c (t_id int REFERENCES t, id int PRIMARY KEY)",
        ("c.t_id", "--type", "text", "--using", "t_id + 1"), "foreign keys join public.c.t_id and public.t.id",
    ),
    "keys over what is equal and not the same": (
        "CREATE TABLE p (k numeric PRIMARY KEY); CREATE TABLE c (k numeric REFERENCES p, id int PRIMARY KEY)",
        ("c.k", "--type", "text"), "public.p.k is numeric, of which values that are equal may be different",
    ),
    "a domain with a check": (
        "CREATE DOMAIN few AS int CHECK (VALUE < 5)", ("t.x", "--type", "few"), "public.few is a domain that asks",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("more", "words", "named"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_refused_by_its_name(
    more: str, words: tuple[str, ...], named: str, database: str, sqlrail: Sqlrail
) -> None:
    shop = Shop(database, sqlrail, f"{HEAD.format('x int, y text')} {more}")
    before = files()
    outcome = shop.call("widen", *words)
    assert (outcome.code, named in outcome.err) == (3, True), outcome.err
    assert outcome.err.endswith("Nothing was written.\n")
    assert files() == before


WRONG = {
    "no type": (("--type", "nothing"), "there is no type nothing"),
    "serial": (("--type", "serial"), "there is no type serial"),
    "a statement": (("--type", "int; DROP TABLE t"), "no type"),
    "an expression": (("--type", "int + 1"), "no type"),
    "too long": (("--type", "numeric(100000)"), "no type"),
    "no column's": (("--type", "record"), "no column can be record"),
    "using alone": (("--using", "x"), "name that with --type"),
    "both": (("--type", "text", "--not-null"), "once for each"),
    "two": (("--type", "text", "--using", "x, y"), "--using"),
    "another statement": (("--type", "text", "--using", "x); DROP TABLE t; SELECT (1"), "not one expression"),
    "out of its parentheses": (("--type", "text", "--using", "x) + (y"), "not one expression"),
    "a comment": (("--type", "text", "--using", "x -- "), "not one expression"),
    "an open string": (("--type", "text", "--using", "x || 'n"), "not one expression"),
    "two lines": (("--type", "text", "--using", "x\n+ 1"), "not one expression"),
    "a subquery": (("--type", "text", "--using", "(SELECT x + 1)"), "has a subquery"),
    "an aggregate": (("--type", "text", "--using", "max(x)"), "aggregate functions are not allowed"),
    "a window": (("--type", "text", "--using", "rank() OVER (ORDER BY x)"), "window functions are not allowed"),
    "rows": (("--type", "text", "--using", "generate_series(1, x)"), "set-returning functions are not allowed"),
    "volatile": (("--type", "text", "--using", "x + random()"), "is volatile"),
    "a generated column": (("--type", "text", "--using", "x || g"), "generates behind all triggers"),
    "no column": (("--type", "text", "--using", "nothing + 1"), "reads no column"),
    "no such column": (("--type", "text", "--using", "x + nothing"), "nothing"),
    "a function of the path": (("--type", "text", "--using", "own(x)"), "name others with their schema"),
    "the whole row": (("--type", "text", "--using", "to_json(t) || x"), "not one expression"),
    "a parameter": (("--type", "text", "--using", "x + $1"), "has a parameter"),
    "a way back over the old type": (("--type", "text", "--using", "x", "--back", "x - 1"), "--back"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "said"), WRONG.values(), ids=WRONG)
def test_what_is_no_type_or_expression_is_an_error(
    words: tuple[str, ...], said: str, database: str, sqlrail: Sqlrail
) -> None:
    columns = "x int, y text, g text GENERATED ALWAYS AS (y || 'g') STORED"
    own = "CREATE FUNCTION own(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1'"
    shop = Shop(database, sqlrail, f"{HEAD.format(columns)} {own}")
    outcome = shop.call("widen", "t.x", *words)
    assert (outcome.code, said in outcome.err) == (2, True), outcome.err
    assert len(files()) == 2
    assert shop.query("SELECT to_regclass('t') IS NOT NULL") == [(True,)]


UNFIT = {
    "a check": ("ALTER TABLE t ADD CHECK (x > 0)", "swap"),
    "a view": ("CREATE VIEW v AS SELECT abs(x) FROM t", "swap"),
    "an index": ("CREATE INDEX ON t (abs(x))", "indexes"),
}  # fmt: skip


@pytest.mark.parametrize(("more", "step"), UNFIT.values(), ids=UNFIT)
def test_what_does_not_fit_the_type_fails_in_plan(
    more: str, step: str, database: str, sqlrail: Sqlrail
) -> None:
    shop = Shop(database, sqlrail, f"{HEAD.format('x int')} {more}")
    widen(shop, "t.x", "--type", "text")
    for verb in ("plan", "migrate"):
        error = shop.call(verb, "--json").error
        assert (Path(error["place"]["path"]).stem.rpartition("_")[2], error["sqlstate"]) == (step, "42883")
    shop.query("INSERT INTO t (x) VALUES (5)")


NAMES = ['"Od""d %s {x} \'; DROP TABLE t; -- 日本"', '"new"', f'"{"x" * 63}"', '"$$"', '"value"']


@pytest.mark.parametrize("name", NAMES)
def test_whatever_the_names_are(name: str, database: str, sqlrail: Sqlrail) -> None:
    shop = Shop(
        database, sqlrail,
        f"CREATE SCHEMA {name}; CREATE TABLE {name}.{name} (id serial PRIMARY KEY, {name} int NOT NULL, t text);"
        f"INSERT INTO {name}.{name} ({name}) VALUES (1), (2)",
    )  # fmt: skip
    column = f"{name}.{name}.{name}"
    *ids, _ = widen(
        shop,
        column,
        "--type",
        "text",
        "--using",
        f"{name}.{name} || '%s $$'",
        "--back",
        f"left({name}, -5)::int",
    )
    shop.done("migrate", "--to", ids[-1])
    shop.query(f"INSERT INTO {name}.{name} ({name}) VALUES ('3%s $$')")
    shop.done("rollback", "--to", "001_base")
    assert shop.query(f"SELECT {name} FROM {name}.{name} ORDER BY id") == [(1,), (2,), (3,)]
    shop.done("migrate")
    assert shop.query(f"SELECT max({name}) FROM {name}.{name}") == [("3%s $$",)]


@pytest.mark.parametrize("own", ["CREATE INDEX ON one (lower(x))", "ALTER TABLE one ADD CHECK (x > 'a')"])
def test_what_a_partition_has_of_its_own_would_be_made_anew(
    own: str, database: str, sqlrail: Sqlrail
) -> None:
    shop = Shop(
        database, sqlrail,
        "CREATE TABLE t (id int, x varchar(9)) PARTITION BY LIST (id); CREATE TABLE one PARTITION OF t DEFAULT;"
        f"CREATE INDEX ON t (x); {own}",
    )  # fmt: skip
    outcome = shop.call("widen", "t.x", "--type", "text")
    assert (outcome.code, "not a plain table" in outcome.err) == (3, True)


def test_a_collation_that_goes_is_noted(database: str, sqlrail: Sqlrail) -> None:
    shop = Shop(
        database, sqlrail, """CREATE TABLE t (id int PRIMARY KEY, x varchar(9) COLLATE "C", y varchar(9))"""
    )
    noted = dict[str, list[bool]]()
    for column in ("t.x", "t.y"):
        notes = shop.done("widen", column, "--type", "text", "--dry-run", "--json").document["notes"]
        noted[column] = ["a collation of its own" in note for note in notes]
    assert noted == {"t.x": [False, True], "t.y": [False]}


def test_a_row_with_nulls_is_not_null(database: str, sqlrail: Sqlrail) -> None:
    shop = Shop(database, sqlrail, made("of a row with nulls"))
    widen(shop, "t.x", "--not-null")
    shop.done("migrate")
    assert shop.query(
        "SELECT attnotnull FROM pg_attribute WHERE (attrelid, attname) = ('t'::regclass, 'x')"
    ) == [(True,)]
