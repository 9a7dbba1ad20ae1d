"""Rows without a value and rows that a CHECK refuses: cleaned in every way, as orphans are, and put back exactly."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import console
import psycopg
import pytest
import test_cleanup
from conftest import Connect, needs
from console import Sqlrail, put
from test_cleanup import apply, archive, clean, contents, refusal, settings
from test_restore import reasons, restore

from sqlrail.errors import BadFile, MigrationFailed, Refused
from sqlrail.ground.events import BatchCleaned, Event, nobody
from sqlrail.ground.kinds import parse, parse_decided
from sqlrail.verbs import online
from sqlrail.verbs.archive import list_runs
from sqlrail.verbs.cleanup import cleanup, print_sql

Connection = psycopg.Connection[Any]
sqlrail = console.sqlrail
db = test_cleanup.db
role = test_cleanup.role

SHOP = """
    CREATE TABLE orders (id int PRIMARY KEY, total numeric(8, 2), note text DEFAULT 'none'
        , at timestamptz DEFAULT now());
    INSERT INTO orders VALUES (1, 5, 'a'), (2, NULL, 'b'), (3, 0, NULL), (4, -7, 'd'), (5, NULL, NULL);
    CREATE TABLE lines (id int PRIMARY KEY, order_id int REFERENCES orders ON DELETE CASCADE);
    INSERT INTO lines VALUES (10, 1), (20, 2), (21, 2), (40, 4);
"""
CHECK = "ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0) NOT VALID"
ORDERS = "SELECT id, total::text, note FROM orders ORDER BY id"
LINES = "SELECT id FROM lines ORDER BY id"
#: what is said; what then may stand; what is left of orders, with their lines
KINDS = {
    "not null delete": (
        "orders.total not null delete", "ALTER TABLE orders ALTER total SET NOT NULL",
        [(1, "5.00", "a"), (3, "0.00", None), (4, "-7.00", "d")], [10, 40]),
    "not null set": (
        "orders.total not null set 1.5", "ALTER TABLE orders ALTER total SET NOT NULL",
        [(1, "5.00", "a"), (2, "1.50", "b"), (3, "0.00", None), (4, "-7.00", "d"), (5, "1.50", None)],
        [10, 20, 21, 40]),
    "not null set default": (
        "orders.note not null set default", "ALTER TABLE orders ALTER note SET NOT NULL",
        [(1, "5.00", "a"), (2, None, "b"), (3, "0.00", "none"), (4, "-7.00", "d"), (5, None, "none")],
        [10, 20, 21, 40]),
    "check": (
        "orders check positive delete", CHECK.removesuffix(" NOT VALID"),
        [(1, "5.00", "a"), (2, None, "b"), (5, None, None)], [10, 20, 21]),
}  # fmt: skip
WAYS = ["cleanup", "online", "printed", "pre-step"]
kinds = pytest.mark.parametrize("kind", KINDS)


def clean_by(way: str, connection: Connection, url: str, folder: Path, said: str, after: str) -> None:
    """One of the ways to clean; of a check that only the file makes, the others need it in the database."""
    named, told = [parse_decided(said)], settings(url, migrations=folder)
    if way == "pre-step":
        apply(url, folder, _1_clean=f"-- cleanup: {said}\n{after};\n")
        return
    if " check " in said:
        connection.execute(f"{after} NOT VALID".encode())
    if way == "printed":
        connection.execute(print_sql(told, nobody, named)[0].encode())
    else:
        (online.cleanup if way == "online" else cleanup)(told, nobody, named)
    if " check " not in said:
        connection.execute(after.encode())


@kinds
@pytest.mark.parametrize("way", WAYS)
def test_the_rows_that_violate_it_go_or_are_set_and_a_restore_puts_them_back(
    kind: str, way: str, any_database: str, connect: Connect, tmp_path: Path
) -> None:
    said, after, orders, lines = KINDS[kind]
    connection = connect(any_database)
    connection.execute(SHOP.encode())
    before = contents(connection)
    clean_by(way, connection, any_database, tmp_path, said, after)
    assert connection.execute(ORDERS.encode()).fetchall() == orders
    assert [id_ for (id_,) in connection.execute(LINES.encode())] == lines
    connection.execute(
        b"ALTER TABLE orders ALTER total DROP NOT NULL, ALTER note DROP NOT NULL, DROP CONSTRAINT IF EXISTS positive"
    )
    assert reasons(restore(any_database)) == {}
    assert contents(connection) == before
    assert archive(connection) == []


@kinds
def test_a_look_changes_nothing_and_shows_the_rows_by_their_primary_keys(
    kind: str, any_database: str, connect: Connect, sqlrail: Sqlrail
) -> None:
    said, _, _, lines = KINDS[kind]
    connection = connect(any_database)
    connection.execute(f"{SHOP}; {CHECK}".encode())
    before = contents(connection)
    done = sqlrail("cleanup", "--dry-run", "--json", "--relation", said, "--database-url", any_database)
    (one,) = done.document["relations"]
    keys = {"not null set default": ["3", "5"], "check": ["3", "4"]}.get(kind, ["2", "5"])
    assert [sample["row"]["id"] for sample in one["samples"]] == keys
    assert (one["orphans"], one["rows"], one["parent"], one["key"], one["keys"]) == (2, 5, None, None, [])
    assert (one["kind"], one["action"]) == (" ".join(kind.split()[: 1 + (kind != "check")]), {
        "not null set": "set value", "not null set default": "set default"}.get(kind, "delete"))  # fmt: skip
    assert one["cascades"] == ["lines_order_id_fkey: cascade"] * (len(lines) < 4)
    text = sqlrail("cleanup", "--dry-run", "--relation", said, "--database-url", any_database).out
    assert f"{parse(said)}: 2 rows of 5 (40.00%) would be archived and" in text
    assert f"for example id {keys[0]}\n" in text
    assert (contents(connection), archive(connection)) == (before, [])


@kinds
def test_nothing_to_do_is_said_and_no_table_of_ours_is_made(kind: str, db: Connection, database: str) -> None:
    said, after, *_ = KINDS[kind]
    db.execute(
        f"{SHOP}; DELETE FROM orders WHERE total IS NULL OR note IS NULL OR total <= 0; {CHECK}".encode()
    )
    done = cleanup(settings(database), nobody, [parse_decided(said)])
    assert (done.run, done.relations[0].orphans) == (None, 0)
    db.execute("ALTER TABLE orders DROP CONSTRAINT positive")
    db.execute(after.encode())
    (one,) = cleanup(settings(database), nobody, [parse_decided(said)], dry_run=True).relations
    assert one.skipped in (
        '"orders".total is NOT NULL already', '"orders".note is NOT NULL already',
        '"orders" has a check positive already that is valid')  # fmt: skip
    assert db.execute("SELECT to_regclass('sqlrail.archive')").fetchall() == [(None,)]


# What a check says, whatever is in its text

HOSTILE = {
    "a parenthesis in a string": "note <> ')' AND total > 0",
    "a comment with one": "total /* ) */ > 0 -- )\n",
    "a comment at its end": "total > 0 -- the last word",
    "comments within comments": "total /* a /* ) */ ( */ > 0",
    "a dollar quote": "total > 0 AND note <> $x$ ); DELETE FROM orders; -- $x$",
    "an escape string": r"total > 0 AND note <> E'\') OR true --'",
    "braces": "total > 0 AND note <> '{0} {child} {{'",
    "a quoted name": "total > 0 AND \"note\" <> '%s %% :x'",
    "the table's name": "orders.total > 0 AND public.orders.note IS DISTINCT FROM 'x'",
    "the whole row": "orders IS DISTINCT FROM NULL AND (orders).total > 0",
    "parentheses": "((total) > (0))",
    "a semicolon in a string": "total > 0 AND note <> ';'",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_file_s_check_is_read_as_postgresql_reads_it(
    text: str, any_database: str, connect: Connect, tmp_path: Path
) -> None:
    connection = connect(any_database)
    connection.execute(SHOP.encode())
    check = f"/* ADD CONSTRAINT positive CHECK (false) */ ALTER TABLE orders ADD CONSTRAINT positive CHECK ({text}\n)"
    after = f"{check}, ADD CONSTRAINT other CHECK (id > 0)"
    apply(any_database, tmp_path, _1=f"-- cleanup: orders check positive delete\n{after};")
    assert [id_ for id_, *_ in connection.execute(ORDERS.encode())] == [1, 2, 5]
    assert [cells["id"] for _, action, cells in archive(connection) if action == "check"] == ["3", "4"]


PATHS = {
    "set": "SET search_path TO shop, public;",
    "set local": "SET LOCAL search_path = shop, public;",
    "set as a dump does": "SELECT pg_catalog.set_config('search_path', 'shop, public', false);",
    "none": "",
}


@pytest.mark.parametrize("path", PATHS)
def test_names_in_it_lead_where_the_file_leads_them(
    path: str, any_database: str, connect: Connect, tmp_path: Path
) -> None:
    connection = connect(any_database)
    function = "CREATE FUNCTION {}.fine(numeric) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT $1 {} 0'"
    connection.execute(
        f"{SHOP}; CREATE SCHEMA shop; {function.format('shop', '>')}; {function.format('public', '<')}".encode()
    )
    text = f"{PATHS[path]} ALTER TABLE public.orders ADD CONSTRAINT fine CHECK (fine(total));"
    apply(any_database, tmp_path, _1=f"-- cleanup: public.orders check fine delete\n{text}")
    left = [4] if path == "none" else [1]
    assert (
        [id_ for id_, *_ in connection.execute(ORDERS.encode())] == [*left, 2, 5]
        if left == [1]
        else [2, 4, 5]
    )


def test_settings_that_a_check_hangs_on_are_the_session_s(
    db: Connection, database: str, tmp_path: Path
) -> None:
    db.execute("CREATE TABLE days (id int PRIMARY KEY, at timestamptz)")
    db.execute("INSERT INTO days VALUES (1, '2026-01-01 00:30+09'), (2, '2026-01-01 12:00+09')")
    text = "ALTER TABLE days ADD CONSTRAINT new CHECK (at::date >= '2026-01-01')"
    url = f"{database}&options=-ctimezone%3DAsia/Tokyo"
    apply(url, tmp_path, _1=f"-- cleanup: days check new delete\n{text};")
    assert len(db.execute("SELECT FROM days").fetchall()) == 2
    assert archive(db) == []


def test_a_check_that_is_validated_comes_from_the_catalog(
    db: Connection, database: str, tmp_path: Path
) -> None:
    db.execute(f"{SHOP}; {CHECK}".encode())
    text = "-- cleanup: orders check positive delete\nALTER TABLE orders VALIDATE CONSTRAINT positive;"
    apply(database, tmp_path, _1=text)
    assert [id_ for id_, *_ in db.execute(ORDERS.encode())] == [1, 2, 5]


def test_a_check_in_a_do_is_found_and_one_in_a_function_is_not(
    db: Connection, database: str, tmp_path: Path
) -> None:
    db.execute(SHOP.encode())
    check = CHECK.removesuffix(" NOT VALID")
    function = f"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN {check}; END $$;"
    with pytest.raises(
        BadFile,
        match=r"1:1: cleanup: public.orders has no check positive, and 1 adds none with ALTER TABLE\.",
    ):
        apply(database, tmp_path, _1=f"-- cleanup: orders check positive delete\n{function}")
    apply(
        database, tmp_path, _1=f"-- cleanup: orders check positive delete\nDO $do$ BEGIN {check}; END $do$;"
    )
    assert [id_ for id_, *_ in db.execute(ORDERS.encode())] == [1, 2, 5]


#: what the file adds without a name, and the lines that mean it
NAMELESS = {
    "of one column": ("ADD CHECK (total > 0)", ["orders_total_check"]),
    "of two columns": ("ADD CHECK (total > 0 AND id IS NOT NULL)", ["orders_check"]),
    "beside others": (
        "ADD CHECK (id > 0), ADD CONSTRAINT orders_note_check CHECK (note <> 'd'), ADD CHECK (total > 0)",
        ["orders_total_check", "orders_note_check"]),
}  # fmt: skip


@pytest.mark.parametrize("case", NAMELESS)
def test_a_check_that_postgresql_will_name_is_known_by_that_name(
    case: str, any_database: str, connect: Connect, tmp_path: Path
) -> None:
    adds, names = NAMELESS[case]
    connection = connect(any_database)
    connection.execute(SHOP.encode())
    lines = "".join(f"-- cleanup: orders check {name} delete\n" for name in names)
    apply(any_database, tmp_path, _1=f"{lines}ALTER TABLE orders {adds};")
    assert [id_ for id_, *_ in connection.execute(ORDERS.encode())] == [1, 2, 5]
    made = connection.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype = 'c'"
    )
    assert {*names} <= {name for (name,) in made}


def test_a_name_that_is_taken_or_could_mean_two_checks_is_not_guessed(
    db: Connection, database: str, tmp_path: Path
) -> None:
    db.execute(f"{SHOP}; ALTER TABLE orders ADD CONSTRAINT orders_total_check CHECK (total < 100)".encode())
    said = "-- cleanup: orders check orders_total_check delete\n"
    with pytest.raises(MigrationFailed, match="is violated by some row"):
        apply(database, tmp_path, _1=f"{said}ALTER TABLE orders ADD CHECK (total > 0);")
    db.execute("ALTER TABLE orders DROP CONSTRAINT orders_total_check")
    with pytest.raises(BadFile, match="has no check orders_total_check, and 1 adds none"):
        apply(
            database, tmp_path, _1=f"{said}ALTER TABLE orders ADD CHECK (total > 0), ADD CHECK (total < 9);"
        )
    assert [id_ for id_, *_ in db.execute(ORDERS.encode())] == [1, 2, 3, 4, 5]


# What is refused, or is wrong

#: what the file says, and what is said of it; the check `positive` is there, NOT VALID
WRONG = {
    "no column": ("orders.totals not null delete", 'public.orders" has no column totals'),
    "no table": ("ordres.total not null delete", 'there is no table "ordres"'),
    "the primary key": (
        "orders.id not null delete",
        '"orders".id is part of the primary key, which is never null',
    ),
    "a generated column": ("orders.twice not null delete", '"orders".twice is generated'),
    "another type": (
        "orders.total not null set 'x'",
        "'x' is no value for public.orders.total: invalid input syntax",
    ),
    "too large": (
        "orders.total not null set 1e9",
        "1e9 is no value for public.orders.total: numeric field overflow",
    ),
    "too long": (
        "orders.code not null set 'abcd'",
        "'abcd' is no value for public.orders.code: value too long",
    ),
    "against its domain": (
        "orders.size not null set -1",
        "-1 is no value for public.orders.size: value for domain",
    ),
    "no such type": (
        "orders.total not null set '1'::money2",
        'public.orders.total: type "money2" does not exist',
    ),
    "no check": ("orders check postive delete", "public.orders has no check postive"),
    "no check but a key": (
        "orders check orders_pkey delete",
        "has no check orders_pkey, but another constraint",
    ),
    "no table of a check": ("ordres check positive delete", 'there is no table "ordres"'),
}
MORE = """
    CREATE DOMAIN size AS int CHECK (VALUE > 0);
    ALTER TABLE orders ADD code varchar(3), ADD size size, ADD twice numeric GENERATED ALWAYS AS (total * 2) STORED;
"""


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_is_said_with_its_line_before_anything_runs(
    case: str, any_database: str, connect: Connect, sqlrail: Sqlrail
) -> None:
    said, message = WRONG[case]
    connection = connect(any_database)
    connection.execute(f"{SHOP}; {MORE}; {CHECK}".encode())
    before = contents(connection)
    put({"migrations/1_x.sql": f"-- why\n-- cleanup: {said}\nCREATE TABLE made ();"})
    done = sqlrail("migrate", "--json", "--database-url", any_database)
    assert (done.code, done.document["error"]["kind"]) == (2, "bad_file")
    assert done.document["error"]["place"] == {"path": "migrations/1_x.sql", "line": 2, "column": 1}
    assert message.removeprefix("public.") in done.document["error"]["message"]
    assert contents(connection) == before
    named = sqlrail("cleanup", "--relation", said, "--database-url", any_database)
    assert named.code == (3 if message.endswith(("postive", "totals", '"ordres"')) else 2)
    assert message.removeprefix("public.") in named.err
    assert contents(connection) == before


def test_a_table_that_the_file_makes_itself_has_nothing_to_clean(database: str, tmp_path: Path) -> None:
    made = "CREATE TABLE IF NOT EXISTS orders (id int, total int CONSTRAINT positive CHECK (total > 0));"
    lines = "-- cleanup: orders.total not null delete\n-- cleanup: public.orders check positive delete\n"
    done = apply(database, tmp_path, _1=f"{lines}{made}")
    assert [one.skipped for one in done.applied[0].cleanup] == [
        'there is no table "orders"', 'there is no table "public"."orders"']  # fmt: skip


def test_a_check_over_a_column_that_the_file_adds_means_nothing_yet(
    db: Connection, database: str, tmp_path: Path
) -> None:
    db.execute(SHOP.encode())
    text = "ALTER TABLE orders ADD extra int, ADD CONSTRAINT more CHECK (extra > 0)"
    with pytest.raises(
        BadFile, match=r"1:1: cleanup: the expression of more means nothing yet: .*extra.*Nothing of"
    ):
        apply(database, tmp_path, _1=f"-- cleanup: orders check more delete\n{text};")
    assert len(contents(db)['"public"."orders"']) == 5


TEXTS = {
    "orders.total not null": "does not say what becomes of such rows: add `delete` or `set VALUE`",
    "orders.total not null drop": "does not end in `delete` or `set VALUE`",
    "orders.total not null set null": "sets to null what shall not be null",
    "orders.total not null set now()": "'now()' is no literal",
    "orders.total not null set 1 + 1": "is no literal",
    "orders.total not null set 1); DROP TABLE orders; --": "is no literal",
    "orders.total not null set 'it''s'' OR true": "is no literal",
    "orders.(id, total) not null delete": "is not of the form",
    "orders check positive": "does not say what becomes of such rows: add `delete`",
    "orders check positive set 1": "has something else than `delete` after the check's name",
    "orders check positive or else delete": "has something else than `delete`",
    "orders check delete": "does not say what becomes",
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_line_that_says_something_else_is_wrong(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(TEXTS[text])):
        parse_decided(text)


GOOD = [
    "0", "-1.5e3", "+ 2", ".5", "'it''s'", "E'a\\'b'", "true", "date '2026-01-01'", "'1 day'::interval", "$$a'b$$",
    "$x$a$$b$x$", "timestamp with time zone '2026-01-01'", "'{}'::jsonb", "'{1,2}'::int[]",
    "'a'::pg_catalog.varchar(5)",    '\'x\'::"my Type"',
]  # fmt: skip


@pytest.mark.parametrize("value", GOOD)
def test_any_literal_may_be_set(value: str) -> None:
    one = parse_decided(f'public."Orders".total not null set {value}')
    assert one.said is not None
    assert (str(one), one.said.value) == ('public."Orders".total not null', value)
    assert parse(str(one)) == one


#: what is done to the shop, what it is said of, and what keeps it from being cleaned
GUARDED = {
    "a trigger": (
        ("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER t BEFORE DELETE OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION f()"),
        "orders", "the trigger t on public.orders would fire"),
    "a rule": (
        ("CREATE RULE r AS ON DELETE TO orders DO INSTEAD NOTHING; "
        "CREATE RULE u AS ON UPDATE TO orders DO INSTEAD NOTHING"),
        "orders", "has the rule"),
    "a view": ("CREATE VIEW all_orders AS SELECT * FROM orders", "all_orders", "is not a table"),
    "a foreign table": (
        ("CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; "
        "CREATE FOREIGN TABLE far (id int, total numeric, note text, CONSTRAINT positive CHECK (total > 0)) SERVER s"),
        "far", "is not a table"),
    "a partition that is a foreign table": (
        ("CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; "
        "CREATE TABLE parts (id int, total numeric, note text) PARTITION BY LIST (id); "
        f"{CHECK.replace('orders', 'parts')}; CREATE FOREIGN TABLE far PARTITION OF parts FOR VALUES IN (1) SERVER s"),
        "parts", "has a partition that is a foreign table"),
    "a publication without a replica identity": (
        ("ALTER TABLE lines DROP CONSTRAINT lines_order_id_fkey; ALTER TABLE orders DROP CONSTRAINT orders_pkey; "
        "CREATE PUBLICATION p FOR TABLE orders"), "orders", "has no replica identity"),
    "a share that is too large": (
        ("INSERT INTO orders (id) SELECT n FROM generate_series(100, 3000) AS n; ALTER TABLE orders DROP CONSTRAINT "
        "positive; UPDATE orders SET total = -1, note = NULL WHERE id > 1500; "
        f"UPDATE orders SET note = NULL, total = NULL WHERE id BETWEEN 50 AND 1499; {CHECK}"),
        "orders", "rows violate it, more than 1000 rows and 10% of the table"),
}  # fmt: skip
SAID = {
    "not null delete": "{}.note not null delete",
    "not null set": "{}.note not null set 'x'",
    "check": "{} check positive delete",
}


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("case", GUARDED)
def test_what_keeps_orphans_keeps_these_rows_too(
    case: str, said: str, database: str, connect: Connect
) -> None:
    setup, table, reason = GUARDED[case]
    text = SAID[said].format(table)
    connection = connect(database)
    connection.execute(f"{SHOP}; {CHECK}".encode())
    connection.execute(setup.encode())
    assert reason in refusal(connection, database, text)


# What goes back, and what stays

ROUND = """
    CREATE TYPE pair AS (x int, y text); CREATE DOMAIN code AS varchar(3);
    CREATE TABLE odd (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), n int, j json, p point, c code, a int[],
        pair pair, b bytea, r tstzrange, f float8, i interval, m money, doubled int GENERATED ALWAYS AS (n * 2) STORED);
    INSERT INTO odd (n, j, p, c, a, pair, b, r, f, i, m) VALUES
        (1, '{"a":  1}', '(1,2)', 'x  ', '{1,NULL}', '(1,"a,b")', '\\x00ff', '[2026-01-01,)', 0.1 + 0.2,
         '1 mon 2 days', 12.5),
        (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
        (-1, '[]', NULL, '', '{}', NULL, '', 'empty', 'NaN', '-1 day', -1);
"""
ODD = {
    "n": "0", "j": """'{"b": 1}'""", "p": "point '(3, 4)'", "c": "'abc'", "a": "'{7}'", "b": r"'\x01'",
    "pair": """'(2,"q""q")'""", "r": "'[2026-01-01,2026-02-01)'", "f": "1e-5", "i": "interval '1 year'", "m": "'$3.50'",
}  # fmt: skip


@pytest.mark.parametrize("column", ODD)
def test_values_of_any_type_are_set_and_taken_back(column: str, any_database: str, connect: Connect) -> None:
    connection = connect(any_database)
    connection.execute(ROUND.encode())
    before = contents(connection)
    (one,) = clean(any_database, f"odd.{column} not null set {ODD[column]}").relations
    assert one.changed == one.archived > 0
    left = connection.execute(f"SELECT count(*) FROM odd WHERE {column} IS NULL".encode()).fetchall()
    assert left == [(0,)]
    assert reasons(restore(any_database)) == {}
    assert contents(connection) == before


@pytest.mark.parametrize("said", ["odd.n not null delete", "odd check small delete"])
def test_rows_of_any_type_come_back(said: str, any_database: str, connect: Connect) -> None:
    connection = connect(any_database)
    connection.execute(f"{ROUND}; ALTER TABLE odd ADD CONSTRAINT small CHECK (n < 1) NOT VALID".encode())
    before = contents(connection)
    (one,) = clean(any_database, said).relations
    assert one.deleted == 1
    connection.execute("ALTER TABLE odd DROP CONSTRAINT small")
    assert reasons(restore(any_database)) == {}
    assert contents(connection) == before


@pytest.mark.parametrize("is_old", [False, True], ids=["archived now", "archived by an older version"])
@pytest.mark.parametrize("kind", ["not null delete", "check"])
@pytest.mark.parametrize("way", WAYS)
def test_the_archive_has_a_word_for_each_kind_and_knows_that_of_older_versions(
    kind: str, way: str, is_old: bool, db: Connection, database: str, tmp_path: Path
) -> None:
    said, after, *_ = KINDS[kind]
    word = kind.removesuffix(" delete")
    db.execute(SHOP.encode())
    before = contents(db)
    clean_by(way, db, database, tmp_path, said, after)
    (run,) = list_runs(settings(database), nobody).runs
    kept = {(part["source"], part["action"]): part["rows"] for part in run.kept}
    assert kept == {("public.orders", word): 2, ("public.lines", "cascade"): {"check": 1}.get(kind, 2)}
    if is_old:
        db.execute("UPDATE sqlrail.archive SET action = 'orphan' WHERE action <> 'cascade'")
    (left,) = [
        it for one in restore(database).relations for it in one.reasons if it.source == "public.orders"
    ]
    assert left.action == ("orphan" if is_old else word)
    db.execute("ALTER TABLE orders ALTER total DROP NOT NULL, DROP CONSTRAINT IF EXISTS positive")
    assert reasons(restore(database)) == {}
    assert (contents(db), archive(db)) == (before, [])


@kinds
@pytest.mark.parametrize("force", [False, True])
def test_rows_that_a_constraint_forbids_by_now_stay_in_the_archive(
    kind: str, force: bool, db: Connection, database: str
) -> None:
    said, after, *_ = KINDS[kind]
    db.execute(f"{SHOP}; {CHECK if kind == 'check' else 'SELECT'}".encode())
    before = contents(db)
    clean(database, said)
    db.execute(
        after.replace("ADD CONSTRAINT positive CHECK (total > 0)", "VALIDATE CONSTRAINT positive").encode()
    )
    cleaned = contents(db)
    why = reasons(restore(database, force=force))
    assert sum(why.values()) >= 2
    assert all(
        re.search(r"violates (not-null|check) constraint|no row of public.orders has", it) for it in why
    )
    assert contents(db) == cleaned
    db.execute(
        "ALTER TABLE orders ALTER total DROP NOT NULL, ALTER note DROP NOT NULL, DROP CONSTRAINT IF EXISTS positive"
    )
    assert reasons(restore(database)) == {}
    assert contents(db) == before


def test_a_value_that_somebody_has_changed_since_is_left_alone(db: Connection, database: str) -> None:
    db.execute(SHOP.encode())
    clean(database, "orders.total not null set 1.50")
    db.execute("UPDATE orders SET total = 3 WHERE id = 2; UPDATE orders SET note = 'new' WHERE id = 5")
    assert reasons(restore(database)) == {"its row of public.orders has been changed since": 1}
    assert db.execute(ORDERS.encode()).fetchall()[1] == (2, "3.00", "b")
    assert db.execute(ORDERS.encode()).fetchall()[4] == (5, None, "new")


def test_a_trigger_that_gives_rows_other_values_is_found_out(db: Connection, database: str) -> None:
    db.execute(SHOP.encode())
    db.execute(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.total = NEW.id; RETURN NEW; END';"
        "CREATE TRIGGER t BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION f()"
    )
    before = contents(db)
    with pytest.raises(Refused, match="a trigger gives the rows other values than was said"):
        clean(database, "orders.total not null set 1", allow_triggers=("t",))
    assert (contents(db), archive(db)) == (before, [])


def test_a_default_that_is_null_mends_nothing(db: Connection, database: str) -> None:
    db.execute(SHOP.encode())
    with pytest.raises(
        Refused, match="2 rows would still be null: the default is, or a trigger has changed it"
    ):
        clean(database, "orders.total not null set default")
    assert archive(db) == []


def test_a_value_can_be_taken_back_only_by_a_primary_key(db: Connection, database: str) -> None:
    db.execute("CREATE TABLE bare (a int, b int); INSERT INTO bare VALUES (NULL, 1)")
    assert "has no primary key, so no restore could find the rows" in refusal(
        db, database, "bare.a not null set 1"
    )
    (one,) = clean(database, "bare.a not null delete").relations
    assert (one.deleted, one.archived) == (1, 1)
    assert reasons(restore(database)) == {}
    assert db.execute("SELECT a, b FROM bare").fetchall() == [(None, 1)]


def test_several_lines_of_several_kinds_are_one_run(db: Connection, database: str, tmp_path: Path) -> None:
    db.execute(SHOP.encode())
    db.execute("ALTER TABLE lines DROP CONSTRAINT lines_order_id_fkey; INSERT INTO lines VALUES (99, 99)")
    before = contents(db)
    apply(
        database,
        tmp_path,
        _1="""
        -- cleanup: orders.total not null delete
        -- cleanup: orders check positive delete
        -- cleanup: lines.order_id -> orders.id
        ALTER TABLE orders ALTER total SET NOT NULL, ADD CONSTRAINT positive CHECK (total > 0);
        ALTER TABLE lines ADD FOREIGN KEY (order_id) REFERENCES orders;""",
    )
    assert [id_ for id_, *_ in db.execute(ORDERS.encode())] == [1]
    assert db.execute(LINES.encode()).fetchall() == [(10,)]
    ((relations,),) = db.execute("SELECT relations FROM sqlrail.run").fetchall()
    assert [it["relation"] for it in relations] == [
        "orders.total not null", "orders check positive", "lines.order_id -> orders.id"]  # fmt: skip
    db.execute("ALTER TABLE lines DROP CONSTRAINT lines_order_id_fkey")
    db.execute("ALTER TABLE orders ALTER total DROP NOT NULL, DROP CONSTRAINT positive")
    assert sum(reasons(restore(database)).values()) == 1  # the line that never had an order
    restore(database, force=True)
    assert contents(db) == before


# Tables that are more than one

FAMILY = """
    CREATE TABLE old_orders (PRIMARY KEY (id)) INHERITS (orders);
    INSERT INTO old_orders VALUES (101, 1, 'a'), (102, NULL, NULL), (103, -3, NULL);
"""


@pytest.mark.parametrize(
    "said", ["{}.total not null delete", "{}.total not null set 8", "{} check positive delete"]
)
def test_a_table_that_inherits_is_named_in_a_line_of_its_own(
    said: str, any_database: str, connect: Connect, tmp_path: Path
) -> None:
    connection = connect(any_database)
    connection.execute(f"{SHOP}; {FAMILY}; {CHECK if 'check' in said else 'SELECT'}".encode())
    before = contents(connection)
    after = "VALIDATE CONSTRAINT positive" if "check" in said else "ALTER total SET NOT NULL"
    lines = "".join(f"-- cleanup: {said.format(table)} \n" for table in ("orders", "old_orders"))
    with pytest.raises(MigrationFailed, match="old_orders"):
        apply(any_database, tmp_path, _1=f"{lines.splitlines()[0]}\nALTER TABLE orders {after};")
    assert contents(connection) == before
    apply(any_database, tmp_path, _1=f"{lines}ALTER TABLE orders {after};")
    assert {source for source, *_ in archive(connection)} >= {"public.orders", "public.old_orders"}
    connection.execute("ALTER TABLE orders ALTER total DROP NOT NULL, DROP CONSTRAINT IF EXISTS positive")
    ((run,),) = connection.execute("SELECT max(id) FROM sqlrail.run").fetchall()
    assert reasons(restore(any_database, run)) == {}
    assert contents(connection) == before


def test_a_column_of_the_partition_key_is_not_set(db: Connection, database: str) -> None:
    db.execute(
        "CREATE TABLE days (id int, day date) PARTITION BY RANGE (day); CREATE TABLE rest PARTITION OF days DEFAULT;"
        "INSERT INTO days VALUES (1, NULL)"
    )
    assert "is in the partition key" in refusal(db, database, "days.day not null set '2026-01-01'")
    assert clean(database, "days.day not null delete").relations[0].deleted == 1


def test_a_not_null_that_is_not_valid_is_no_not_null_yet(
    db: Connection, database: str, tmp_path: Path
) -> None:
    if db.info.server_version < 180000:
        pytest.skip("a NOT NULL is always valid before PostgreSQL 18")
    db.execute(f"{SHOP}; ALTER TABLE orders ADD CONSTRAINT filled NOT NULL total NOT VALID".encode())
    text = "-- cleanup: orders.total not null delete\nALTER TABLE orders VALIDATE CONSTRAINT filled;"
    apply(database, tmp_path, _1=text)
    assert [id_ for id_, *_ in db.execute(ORDERS.encode())] == [1, 3, 4]
    done = apply(
        database, tmp_path, _2=text.replace("VALIDATE CONSTRAINT filled", "ALTER note SET DEFAULT 'x'")
    )
    assert done.applied[0].cleanup[0].skipped == '"orders".total is NOT NULL already'


@needs("a superuser's rights")
@pytest.mark.parametrize("said", SAID)
def test_rows_that_a_policy_hides_are_not_passed_over(
    said: str, db: Connection, database: str, role: str
) -> None:
    db.execute(f"{SHOP}; {CHECK}".encode())
    db.execute(
        f"CREATE POLICY p ON orders USING (id < 3); ALTER TABLE orders ENABLE ROW LEVEL SECURITY;"
        f"GRANT ALL ON orders, lines TO {role}; GRANT CREATE ON DATABASE {db.info.dbname} TO {role};"
        f"GRANT CREATE ON SCHEMA public TO {role}".encode()
    )
    as_role = f"{database}&options=-crole%3D{role}"
    before = contents(db)
    with pytest.raises(Refused, match=r"row-level security"):
        clean(as_role, SAID[said].format("orders"))
    assert contents(db) == before


def test_plan_looks_at_what_is_there_and_holds_nothing_against_what_earlier_files_make(
    db: Connection, database: str, sqlrail: Sqlrail
) -> None:
    put({"migrations/0_shop.sql": SHOP})
    assert sqlrail("migrate", "--database-url", database).code == 0
    put({
        "migrations/1_more.sql":
            "ALTER TABLE orders ADD extra int; ALTER TABLE orders ADD CONSTRAINT later CHECK (id > 0) NOT VALID",
        "migrations/2_clean.sql": """-- cleanup: orders.total not null set 1
            -- cleanup: orders check positive delete
            -- cleanup: orders check later delete
            -- cleanup: orders check more delete
            -- cleanup: orders.extra not null set 0
            ALTER TABLE orders ALTER total SET NOT NULL, ADD CONSTRAINT positive CHECK (total > 0);
            ALTER TABLE orders VALIDATE CONSTRAINT later;
            ALTER TABLE orders ADD CONSTRAINT more CHECK (extra IS NULL OR extra > -1)""",
    })  # fmt: skip
    before = contents(db)
    done = sqlrail("plan", "--no-rows", "--database-url", database)
    assert done.code == 0, done.err
    assert "cleanup of orders.total not null: 2 rows of 5 (40.00%) would be archived and set" in done.out
    assert "cleanup of orders check positive: 2 rows of 5 (40.00%) would be archived and deleted" in done.out
    assert "cleanup of orders check later: nothing to clean, public.orders has no check later" in done.out
    assert (
        "cleanup of orders check more: nothing to clean, the expression of more means nothing yet" in done.out
    )
    assert 'cleanup of orders.extra not null: nothing to clean, "orders" has no column extra' in done.out
    assert "would be refused" not in done.out
    assert contents(db) == before
    assert sqlrail("migrate", "--database-url", database).code == 0
    assert [id_ for id_, *_ in db.execute(ORDERS.encode())] == [1, 2, 5]


def test_a_look_says_what_is_cleaned_before_the_rows_that_it_counts(
    db: Connection, database: str, sqlrail: Sqlrail
) -> None:
    db.execute(f"{SHOP}; {CHECK}; CREATE TABLE notes (id int PRIMARY KEY, at date)".encode())
    said = ["orders.total not null delete", "orders check positive delete", "notes.at not null delete"]
    named = [word for it in said for word in ("--relation", it)]
    done = sqlrail("cleanup", "--dry-run", "--json", *named, "--database-url", database)
    assert [one["counted_before"] for one in done.document["relations"]] == [
        [],
        ["orders.total not null"],
        [],
    ]
    text = sqlrail("cleanup", "--dry-run", *named, "--database-url", database).out
    before = "  counted before the cleanup of orders.total not null, which may leave other rows\n"
    assert (text.count("counted before"), text.count(before)) == (1, 1)


def test_nothing_that_is_no_orphan_is_called_one(
    db: Connection, database: str, connect: Connect, sqlrail: Sqlrail
) -> None:
    db.execute(f"{SHOP}; INSERT INTO orders SELECT n FROM generate_series(100, 102) AS n".encode())
    said = "orders.total not null delete"
    # Whoever has a row in hand makes an online cleanup look a second time.
    connect(database, autocommit=False).execute("SELECT FROM orders WHERE id = 100 FOR UPDATE")

    def write_more(event: Event) -> None:
        if isinstance(event, BatchCleaned):
            db.execute(
                "INSERT INTO orders SELECT n FROM generate_series(1000, 1020) AS n ON CONFLICT DO NOTHING"
            )

    told = settings(database, pause=0.0, max_rows=5, max_share=0.0)
    with pytest.raises(Refused, match="21 more rows that violate it have come since the survey") as caught:
        online.cleanup(told, write_more, [parse_decided(said)])
    assert "orphan" not in str(caught.value)
    db.execute(
        "DELETE FROM orders WHERE total IS NULL AND id <> 100; UPDATE orders SET total = 1 WHERE id > 1000"
    )
    for way in ([], ["--online"], ["--dry-run"]):
        done = sqlrail(
            "cleanup", *way, "--relation", "orders.note not null set 'x'", "--database-url", database
        )
        assert "orphan" not in done.out + done.err, done
