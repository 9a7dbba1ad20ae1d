"""A cleanup of many rows on a cluster of Citus archives them in packs, and each comes back to the letter."""

from __future__ import annotations

from collections import Counter
from typing import Any

import psycopg
import pytest
from cluster import Cluster
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.types.json import Jsonb
from test_citus_cleanup import RELATION, as_psql, build, build_large, orphans, rows
from test_citus_sampled import TOGETHER
from test_cleanup import clean, ids, settings
from test_restore import counts, exact, fill_with_every_type, reasons, restore, set_oddly, set_plainly

from sqlrail.errors import Refused
from sqlrail.ground.events import nobody
from sqlrail.ground.kinds import parse
from sqlrail.orphans import composer, nodes
from sqlrail.verbs import archive
from sqlrail.verbs import cleanup as room

pytestmark = pytest.mark.promise

Connection = psycopg.Connection[Any]

#: up to which share of the rows they are deleted by the look that finds them
WAYS = {"copied, then deleted": 0.0, "deleted at once": 1.0}
PARENTS = "INSERT INTO shop.parent SELECT n, 'p' || n FROM generate_series(21, 24) AS n"
BIG = "shop.big.parent_id -> shop.parent.id"


@pytest.fixture(autouse=True, params=WAYS)
def _all_is_much(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "PACKED", 1)
    monkeypatch.setattr(composer, "BY_DELETION", WAYS[request.param])


def packs(db: Connection) -> list[int]:
    """How many rows are in each pack."""
    found = db.execute(
        """SELECT (SELECT max(jsonb_array_length(value)) FROM jsonb_each(cells -> 0)) FROM sqlrail.archive
            WHERE action = 'orphan packed'"""
    )
    return [rows for (rows,) in found]


def listed(url: str) -> list[tuple[str, int]]:
    return [
        (it["action"], it["rows"]) for run in archive.list_runs(settings(url), nobody).runs for it in run.kept
    ]


def fill(db: Connection, text: str, many: int) -> None:
    """A table shop.big with so many orphans, and two rows that have a parent."""
    db.execute("CREATE SCHEMA shop; CREATE TABLE shop.parent (id int PRIMARY KEY)")
    db.execute("CREATE TABLE shop.big (parent_id int, t text)")
    db.execute("SELECT create_distributed_table('shop.parent', 'id')")
    db.execute("SELECT create_distributed_table('shop.big', 'parent_id')")
    db.execute("INSERT INTO shop.parent VALUES (1)")
    db.execute("INSERT INTO shop.big VALUES (1, 'stays'), (1, 'as well')")
    db.execute(f"INSERT INTO shop.big SELECT 7, {text} FROM generate_series(1, {many}) AS n".encode())


def big(db: Connection) -> Counter[str]:
    return Counter(row for (row,) in db.execute("SELECT md5(to_jsonb(c)::text) FROM shop.big AS c"))


@pytest.mark.parametrize("odd", ["", "oddly"])
@pytest.mark.parametrize("place", ["distributed", "distributed by another", "reference", "single shard"])
def test_every_type_comes_back_to_the_letter(citus: Cluster, place: str, odd: str) -> None:
    how = {
        "distributed": (
            "create_distributed_table('orders', 'user_id')",
            "create_distributed_table('users', 'id')",
        ),
        "distributed by another": (
            "create_distributed_table('orders', 'id')",
            "create_reference_table('users')",
        ),
        "reference": ("create_reference_table('orders')", "create_reference_table('users')"),
        "single shard": (
            "create_distributed_table('orders', NULL)",
            "create_distributed_table('users', NULL)",
        ),
    }
    with citus.connect() as db:
        db.execute("CREATE SCHEMA shop; SET search_path = shop")
        fill_with_every_type(db)
        for call in reversed(how[place]):
            db.execute(f"SELECT {call}".encode())
        before = exact(db)
        many = len(before[0])
        try:
            if odd:
                set_oddly(db)
            (one,) = clean(citus.url, "shop.orders.user_id -> shop.users.id").relations
            assert one.run
            assert (one.deleted, one.archived, ids(db)) == (many, many, [])
            assert sum(packs(db)) == many
            assert listed(citus.url) == [("orphan", many)]
            db.execute("INSERT INTO users VALUES (99, 'Edsger')")
            result = restore(citus.url, one.run)
            assert (reasons(result), counts(result)) == ({}, (many, 0))
        finally:
            set_plainly(db)
    # A session from before may still read dates as they were odd.
    with citus.connect() as plain:
        plain.execute("SET search_path = shop")
        assert exact(plain) == before
        assert listed(citus.url) == []


@pytest.mark.parametrize(("child", "parent"), [one[:2] for one in TOGETHER if one[2] == "delete"])
def test_wherever_child_and_parent_lie_together(citus: Cluster, child: str, parent: str) -> None:
    with citus.connect() as db:
        build(db, child, parent)
        before, gone = rows(db), orphans(db)
        as_psql(citus.url, room.print_sql(settings(citus.url), nobody, [parse(RELATION)]).sql)
        assert (before - rows(db), sum(packs(db))) == (gone, 8)
        db.execute(PARENTS)
        restore(citus.url, 1)
        assert (rows(db), packs(db)) == (before, [])
        db.execute("DELETE FROM shop.parent WHERE id > 20")
        (one,) = clean(citus.url, RELATION).relations
        assert (one.orphans, one.deleted, one.archived) == (8, 8, 8)
        assert (before - rows(db), sum(packs(db))) == (gone, 8)
        db.execute("INSERT INTO shop.parent VALUES (21), (22), (23)")
        assert one.run
        assert counts(restore(citus.url, one.run)) == (6, 2)
        assert listed(citus.url) == [("orphan", 2)]
        db.execute("INSERT INTO shop.parent VALUES (24)")
        assert counts(restore(citus.url, one.run)) == (2, 0)
        assert rows(db) == before


@pytest.mark.parametrize(
    ("text", "many"),
    [
        ("'alike'", 30_000),
        ("(SELECT string_agg(md5(n::text || m), '') FROM generate_series(1, 600) AS m)", 200),
        ("CASE WHEN n % 40 = 0 THEN repeat(md5(n::text), 9000) END", 2000),
        ("repeat(chr(1 + n % 9), 4000)", 500),
    ],
    ids=["alike", "long", "short and long", "longer as text"],
)
def test_no_pack_grows_with_the_rows_nor_with_how_long_they_are(citus: Cluster, text: str, many: int) -> None:
    with citus.connect() as db:
        fill(db, text, many)
        before = big(db)
        (one,) = clean(citus.url, BIG, max_rows=many).relations
        assert one.run
        assert (one.deleted, one.archived, big(db).total()) == (many, many, 2)
        assert listed(citus.url) == [("orphan", many)]
        assert max(packs(db), default=0) < 2 * nodes.IN_A_PACK
        longest = "SELECT max(length(cells::text)) FROM sqlrail.archive WHERE action = 'orphan packed'"
        ((letters,),) = db.execute(longest).fetchall()
        assert (letters or 0) < 8_000_000
        db.execute("INSERT INTO shop.parent VALUES (7)")
        assert counts(restore(citus.url, one.run)) == (many, 0)
        assert big(db) == before


def test_columns_are_more_than_a_function_takes_and_have_any_name(citus: Cluster) -> None:
    names = [
        "cells",
        "at",
        "c",
        "one",
        "t1",
        "rows",
        "{texts}",
        'a"b',
        "100%",
        "Ö \\ 'x'",
        *(f"n{n}" for n in range(110)),
    ]
    with citus.connect() as db:
        fill(db, "'x' || n", 40)
        for name in names:
            db.execute(sql.SQL("ALTER TABLE shop.big ADD COLUMN {} text").format(sql.Identifier(name)))
        for name in names[::3]:
            db.execute(sql.SQL("UPDATE shop.big SET {} = t || {}").format(sql.Identifier(name), name))
        before = big(db)
        clean(citus.url, BIG)
        assert (sum(packs(db)), big(db).total()) == (40, 2)
        db.execute("INSERT INTO shop.parent VALUES (7)")
        assert counts(restore(citus.url, 1)) == (40, 0)
        assert big(db) == before


def test_what_is_refused_leaves_no_pack(citus: Cluster) -> None:
    with citus.connect() as db:
        build_large(db, "by the key")
        before = rows(db)
        for allowed in ({"max_rows": 0, "max_share": 0.009}, {"max_rows": 29, "max_share": 0}):
            with pytest.raises(Refused, match="30 of 3000 rows are orphans"):
                clean(citus.url, RELATION, **allowed)
        assert rows(db) == before
        assert db.execute("SELECT to_regclass('sqlrail.archive')").fetchall() == [(None,)]


def test_packs_are_counted_and_purged_as_rows(citus: Cluster) -> None:
    with citus.connect() as db:
        build_large(db, "by the key")
        clean(citus.url, RELATION)
        db.execute("UPDATE sqlrail.run SET started_at = '2020-01-01'")
        purged = archive.purge(settings(citus.url), nobody, 60, lambda *_: True)
        assert (purged.rows, purged.purged) == (30, {1: 30})
        assert listed(citus.url) == []


def test_what_a_restore_asks_to_be_put_right_is_a_row_each(citus: Cluster) -> None:
    with citus.connect() as db:
        build(db, "by the key", "by the key")
        before = rows(db)
        clean(citus.url, RELATION)
        db.execute(PARENTS)
        db.execute("ALTER TABLE shop.child RENAME n TO number")
        with pytest.raises(Refused, match="say so in the archive: UPDATE "):
            restore(citus.url, 1)
        assert packs(db) == []
        found = db.execute(
            "UPDATE sqlrail.archive SET cells = cells - 'n' || jsonb_build_object('number', cells->'n')"
            " RETURNING action"
        )
        assert found.fetchall() == [("orphan",)] * 8
        assert counts(restore(citus.url, 1)) == (8, 0)
        db.execute("ALTER TABLE shop.child RENAME number TO n")
        assert rows(db) == before


def test_nobody_elses_function_is_run_on_a_node(citus: Cluster) -> None:
    """Citus sends names without their schema, and a node looks for what fits best in the schemas of its path."""
    with citus.connect() as db:
        build(db, "by the key", "by the key")
        before = rows(db)
        for statement in (
            """CREATE FUNCTION public.spoil(text[], text) RETURNS text[] LANGUAGE sql
                AS $$ SELECT array_append(coalesce($1, '{}'), '{"id": "0"}') $$""",
            "CREATE AGGREGATE public.array_agg(text) (sfunc = public.spoil, stype = text[])",
        ):
            db.execute(statement.encode())
        clean(citus.url, RELATION)
        db.execute(PARENTS)
        restore(citus.url, 1)
        assert rows(db) == before


def test_what_can_be_refused_is_so_before_packs_are_taken_apart(citus: Cluster) -> None:
    with citus.connect() as db:
        build(db, "by the key", "by the key")
        clean(citus.url, RELATION)
        as_they_were = packs(db)
        with pytest.raises(Refused, match="the archive holds no row of"):
            restore(citus.url, 1, "shop.child.parent_id -> shop.parent.other")
        with pytest.raises(Refused, match="session_replication_role is replica"):
            restore(make_conninfo(citus.url, options="-c session_replication_role=replica"), 1)
        assert packs(db) == as_they_were


def test_an_archive_that_knows_no_packs_gets_none(citus: Cluster) -> None:
    """One of an older version, which only its owner can bring further."""
    with citus.connect() as db:
        build(db, "by the key", "by the key")
        clean(citus.url, RELATION)
        role = str(citus.rows("SELECT 'low_' || current_database()")[0][0])
        for statement in (
            "DELETE FROM sqlrail.archive",
            "ALTER TABLE sqlrail.archive DROP COLUMN became",
            "ALTER TABLE sqlrail.archive ADD CHECK (action IN ('orphan', 'cascade', 'set null', 'set default'))",
            "COMMENT ON TABLE sqlrail.archive IS 'rows of cleanups; the tables of sqlrail are of version 2'",
            "INSERT INTO shop.child SELECT 100 + n, 30 FROM generate_series(1, 8) AS n",
            f"CREATE ROLE {role} LOGIN",
        ):
            db.execute(statement.encode())
        try:
            for statement in (
                f"GRANT ALL ON ALL TABLES IN SCHEMA sqlrail, shop, public TO {role}",
                f"GRANT ALL ON SCHEMA sqlrail, shop, public TO {role}",
                f"ALTER TABLE shop.child OWNER TO {role}",
                f"ALTER TABLE shop.parent OWNER TO {role}",
                f"GRANT EXECUTE ON FUNCTION recover_prepared_transactions() TO {role}",
            ):
                db.execute(statement.encode())
            (one,) = clean(make_conninfo(citus.url, user=role), RELATION).relations
            assert (one.deleted, one.archived, packs(db)) == (8, 8, [])
        finally:
            db.execute(f"DROP OWNED BY {role} CASCADE".encode())
            db.execute(f"DROP ROLE {role}".encode())


def test_what_somebody_has_spoilt_is_said(citus: Cluster) -> None:
    with citus.connect() as db:
        build(db, "by the key", "by the key")
        clean(citus.url, RELATION)
        spoilt: list[Any] = [
            {"id": ["1"]},
            ["1"],
            [{"id": "1"}],
            [{"id": ["1"], "n": ["1", "2"]}],
            [{}],
            "no pack",
        ]
        for cells in spoilt:
            db.execute("UPDATE sqlrail.archive SET cells = %s", [Jsonb(cells)])
            assert listed(citus.url)[0][0] == "orphan"
            with pytest.raises(Refused, match="not as a cleanup writes them"):
                restore(citus.url, 1)


def test_a_spoilt_pack_of_another_relation_stays(citus: Cluster) -> None:
    with citus.connect() as db:
        build(db, "by the key", "by the key")
        before = rows(db)
        clean(citus.url, RELATION)
        db.execute(PARENTS)
        db.execute(
            """INSERT INTO sqlrail.archive (run, relation, source, action, cells)
               VALUES (1, 'shop.child.id -> shop.parent.id', 'shop.child', 'orphan packed', '{"id": ["1"]}')"""
        )
        assert counts(restore(citus.url, 1, RELATION)) == (8, 0)
        assert rows(db) == before
        left = db.execute("SELECT action, cells FROM sqlrail.archive").fetchall()
        assert left == [("orphan packed", {"id": ["1"]})]
