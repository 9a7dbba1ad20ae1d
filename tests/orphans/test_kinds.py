"""Rows without a value and rows that a CHECK refuses: cleaned in every way, as orphans are, and put back exactly."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import console
import psycopg
import pytest
import test_cleanup
from conftest import Connect
from console import Sqlrail, put
from test_cleanup import apply, archive, contents, settings
from test_restore import reasons, restore

from sqlrail.errors import BadFile
from sqlrail.ground.events import nobody
from sqlrail.ground.kinds import parse, parse_decided
from sqlrail.verbs import online
from sqlrail.verbs.cleanup import cleanup, print_sql

Connection = psycopg.Connection[Any]
sqlrail = console.sqlrail
db = test_cleanup.db

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
    clean = cleanup(settings(database), nobody, [parse_decided(said)])
    assert (clean.run, clean.relations[0].orphans) == (None, 0)
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
    assert [cells["id"] for _, action, cells in archive(connection) if action == "orphan"] == ["3", "4"]


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
        BadFile, match=r"1:1: cleanup: public.orders has no check positive, and no file adds it\."
    ):
        apply(database, tmp_path, _1=f"-- cleanup: orders check positive delete\n{function}")
    apply(
        database, tmp_path, _1=f"-- cleanup: orders check positive delete\nDO $do$ BEGIN {check}; END $do$;"
    )
    assert [id_ for id_, *_ in db.execute(ORDERS.encode())] == [1, 2, 5]


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
    "no check": ("orders check postive delete", "public.orders has no check postive, and no file adds it"),
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
    assert named.code == (3 if "no table" in case or "no column" in case else 2)
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
    "orders.total not null drop": "ends in neither `delete` or `set VALUE`",
    "orders.total not null set null": "sets to null what shall not be null",
    "orders.total not null set now()": "'now()' is no literal",
    "orders.total not null set 1 + 1": "is no literal",
    "orders.total not null set 1); DROP TABLE orders; --": "is no literal",
    "orders.total not null set 'it''s'' OR true": "is no literal",
    "orders.(id, total) not null delete": "is not of the form",
    "orders check positive": "does not say what becomes of such rows: add `delete`",
    "orders check positive set 1": "has something else than `delete` behind the check's name",
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
