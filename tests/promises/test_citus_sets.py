"""Columns that a cleanup sets on a cluster of Citus, to null, to their default or to a value, wherever child and parent
lie: the rows stay, the archive has them as they were, and a restore puts the old values back, to the letter.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from cluster import Cluster
from test_citus_cleanup import PLACES, RELATION, ROWS, as_psql, orphans, rows
from test_citus_steps import KEY, NEAR
from test_cleanup import apply, archive, clean, settings
from test_online import run as online
from test_restore import counts, exact, fill_with_every_type, reasons, restore, set_oddly, set_plainly

from sqlrail.errors import MigrationFailed, Refused
from sqlrail.ground.events import nobody
from sqlrail.ground.kinds import parse
from sqlrail.verbs import cleanup as room

pytestmark = pytest.mark.promise

Connection = psycopg.Connection[Any]

#: the column by which a child is spread cannot be set
PAIRS = [(child, parent) for child in PLACES for parent in PLACES if child != "by the key"]
#: each with what an orphan names then
WAYS = [
    ("printed", "set null", None),
    ("cleanup", "set default", 2),
    ("online", "set null", None),
    ("online", "set default", 2),
]
TABLES = """
    CREATE SCHEMA shop;
    CREATE TABLE shop.parent (id int PRIMARY KEY, name text);
    CREATE TABLE shop.child (id int PRIMARY KEY, parent_id int DEFAULT 2, at timestamptz, n numeric DEFAULT 7.50);
"""
#: two columns, of which one says where both lie
TENANTS = """
    CREATE SCHEMA shop;
    CREATE TABLE shop.parent (tenant int, id int, name text, PRIMARY KEY (tenant, id));
    CREATE TABLE shop.child (id int, tenant int, parent_id int, PRIMARY KEY (tenant, id));
    SELECT create_distributed_table('shop.parent', 'tenant');
    SELECT create_distributed_table('shop.child', 'tenant');
    INSERT INTO shop.parent SELECT n % 5, n, 'p' || n FROM generate_series(1, 20) AS n;
    INSERT INTO shop.child SELECT n, n % 5, n FROM generate_series(1, 24) AS n
"""
TENANTS_RELATION = "shop.child.(tenant, parent_id) -> shop.parent.(tenant, id)"


def build(db: Connection, *statements: str, tables: str = TABLES) -> None:
    for statement in (tables, *statements, *ROWS.replace("{nobody}", "NULL").split(";")):
        db.execute(statement.encode())


def set_to(db: Connection) -> dict[int, int | None]:
    return dict(db.execute("SELECT id, parent_id FROM shop.child").fetchall())


def print_sql(url: str, relation: str) -> str:
    return room.print_sql(settings(url), nobody, [parse(relation)]).sql


@pytest.mark.parametrize(("child", "parent"), PAIRS, ids=[" -> ".join(pair) for pair in PAIRS])
def test_every_pair_of_placements(citus: Cluster, child: str, parent: str) -> None:
    with citus.connect() as db:
        build(db, PLACES[parent][1], PLACES[child][0])
        before, gone = rows(db), orphans(db)
        was = set_to(db)
        assert (before.total(), gone.total()) == (60, 8)
        for way, action, value in WAYS:
            relation = f"{RELATION} {action}"
            (seen,) = clean(citus.url, relation, dry_run=True).relations
            assert (seen.orphans, seen.action, seen.refusals) == (8, action, ())
            if way == "printed":
                script = print_sql(citus.url, relation)
                as_psql(citus.url, script.replace("COMMIT;", "ROLLBACK;"))
                assert rows(db) == before
                as_psql(citus.url, script)
            else:
                cleanup: Any = clean if way == "cleanup" else online
                (one,) = cleanup(citus.url, relation).relations
                assert (one.orphans, one.changed, one.deleted, one.archived) == (8, 8, 0, 8)
            assert set_to(db) == {id_: value if (up or 0) > 20 else up for id_, up in was.items()}
            assert {(source, kept) for source, kept, _ in archive(db)} == {("shop.child", action)}
            ((run,),) = db.execute("SELECT DISTINCT run FROM sqlrail.archive").fetchall()
            back(db, citus.url, was, run)
            assert rows(db) == before


def back(db: Connection, url: str, was: dict[int, int | None], run: int) -> None:
    """Restores a run, first without one of the parents; who is changed meanwhile stays until it is as it was left."""
    db.execute("INSERT INTO shop.parent SELECT n, 'p' || n FROM generate_series(21, 23) AS n")
    touched = next(id_ for id_, up in was.items() if up == 21)
    ((left,),) = db.execute("SELECT parent_id FROM shop.child WHERE id = %s", [touched]).fetchall()
    db.execute("UPDATE shop.child SET parent_id = 5 WHERE id = %s", [touched])
    result = restore(url, run)
    assert counts(result) == (5, 3)
    assert sorted(reasons(result).values()) == [1, 2]
    assert len(archive(db)) == 3
    db.execute("UPDATE shop.child SET parent_id = %s WHERE id = %s", [left, touched])
    db.execute("INSERT INTO shop.parent VALUES (24, 'p24')")
    assert counts(restore(url, run)) == (3, 0)
    assert archive(db) == []
    db.execute("DELETE FROM shop.parent WHERE id > 20")


@pytest.mark.parametrize("verb", [clean, online], ids=["cleanup", "online"])
def test_what_lies_together_is_set_but_for_the_distribution_column(citus: Cluster, verb: Any) -> None:
    with citus.connect() as db:
        db.execute(TENANTS)
        before = rows(db)
        for action in ("set null", "set null (tenant)"):
            with pytest.raises(Refused, match=r"tenant is the distribution column of shop\.child"):
                verb(citus.url, f"{TENANTS_RELATION} {action}")
        (one,) = verb(citus.url, f"{TENANTS_RELATION} set null (parent_id)").relations
        assert (one.changed, one.facts.together) == (4, True)
        assert [id_ for id_, up in sorted(set_to(db).items()) if up is None] == [21, 22, 23, 24]
        db.execute("INSERT INTO shop.parent SELECT n % 5, n FROM generate_series(21, 24) AS n")
        assert counts(restore(citus.url, one.run or 0)) == (4, 0)
        assert rows(db) == before


@pytest.mark.parametrize("form", NEAR)
@pytest.mark.parametrize("verb", [clean, online], ids=["cleanup", "online"])
def test_what_lies_whole_on_one_node_is_set_in_two_phases(citus: Cluster, form: str, verb: Any) -> None:
    """In one, its node would commit before the archive has."""
    with citus.connect() as db:
        build(db, *NEAR[form])
        before = rows(db)
        db.execute("SELECT recover_prepared_transactions()")
        (one,) = verb(citus.url, f"{RELATION} set null").relations
        assert (one.changed, one.facts.alone) == (8, True)
        assert db.execute("SELECT count(*) > 0 FROM pg_dist_transaction").fetchall() == [(True,)]
        db.execute("INSERT INTO shop.parent SELECT n FROM generate_series(21, 24) AS n")
        assert counts(restore(citus.url, one.run or 0)) == (8, 0)
        assert rows(db) == before


@pytest.mark.parametrize("odd", ["", "oddly"])
@pytest.mark.parametrize("place", ["distributed", "reference", "single shard"])
def test_every_type_comes_back_to_the_letter(citus: Cluster, place: str, odd: str) -> None:
    with citus.connect() as db:
        db.execute("CREATE SCHEMA shop; SET search_path = shop")
        fill_with_every_type(db)
        db.execute("ALTER TABLE orders ADD PRIMARY KEY (id)")
        how = {
            "distributed": "create_distributed_table('orders', 'id')",
            "reference": "create_reference_table('orders')",
            "single shard": "create_distributed_table('orders', NULL)",
        }
        db.execute(f"SELECT {how[place]}".encode())
        db.execute("SELECT create_distributed_table('users', 'id')")
        before = exact(db)
        try:
            if odd:
                set_oddly(db)
            (one,) = clean(citus.url, "shop.orders.user_id -> shop.users.id set null").relations
            assert one.changed == len(before[0])
            db.execute("INSERT INTO users VALUES (99, 'Edsger')")
            result = restore(citus.url, one.run or 0)
            assert (reasons(result), counts(result)) == ({}, (len(before[0]), 0))
        finally:
            set_plainly(db)
    with citus.connect() as plain:
        plain.execute("SET search_path = shop")
        assert exact(plain) == before


# Values


@pytest.mark.parametrize("action", ["set 8.250", "set default"])
@pytest.mark.parametrize("place", ["by another column", "reference", "single shard", "citus local"])
def test_a_value_for_rows_that_have_none(citus: Cluster, place: str, action: str) -> None:
    with citus.connect() as db:
        build(db, PLACES[place][0])
        db.execute("UPDATE shop.child SET n = NULL WHERE id <= 6")
        before = rows(db)
        relation = f"shop.child.n not null {action}"
        for way in ("cleanup", "printed"):
            if way == "cleanup":
                (one,) = clean(citus.url, relation).relations
                assert (one.changed, one.archived) == (6, 6)
            else:
                as_psql(citus.url, print_sql(citus.url, relation))
            assert {str(n) for (n,) in db.execute("SELECT n FROM shop.child WHERE id <= 6")} == {
                "8.250" if action == "set 8.250" else "7.50"
            }
            ((run,),) = db.execute("SELECT DISTINCT run FROM sqlrail.archive").fetchall()
            db.execute("UPDATE shop.child SET n = 3 WHERE id = 1")
            result = restore(citus.url, run)
            assert counts(result) == (5, 1)
            db.execute("UPDATE shop.child SET n = NULL WHERE id = 1")
            assert (before - rows(db)).total() == 0
            db.execute("DELETE FROM sqlrail.archive")


# What is refused


def test_a_default_that_nodes_do_not_compute_is_refused(citus: Cluster) -> None:
    with citus.connect() as db:
        build(db, *PLACES["by another column"])
        db.execute("ALTER TABLE shop.child ALTER parent_id SET DEFAULT floor(random() * 20)")
        before = rows(db)
        for verb in (clean, online):
            with pytest.raises(Refused, match=r"the default of parent_id floor\(.* is computed"):
                verb(citus.url, f"{RELATION} set default")
        assert (rows(db), archive(db)) == (before, [])
        db.execute("ALTER TABLE shop.child ALTER parent_id SET DEFAULT 77")
        for verb in (clean, online):
            with pytest.raises(
                Refused, match=r"no row of shop.parent is named by the default \(parent_id 77\)"
            ):
                verb(citus.url, f"{RELATION} set default")
        assert (rows(db), archive(db)) == (before, [])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("RETURN NULL", "4 of 8 rows would stay, because a trigger keeps them"),
        ("new.parent_id := 99; RETURN new", "4 rows would still have no parent"),
    ],
    ids=["keeps", "changes"],
)
def test_what_a_trigger_on_the_nodes_makes_of_it_is_noticed(citus: Cluster, body: str, said: str) -> None:
    with citus.connect() as db:
        build(db, *PLACES["by another column"])
        before = rows(db)
        db.execute(f"CREATE FUNCTION shop.other() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {body}; END'")
        db.execute("SET citus.enable_unsafe_triggers = on")
        each = "BEFORE UPDATE ON shop.child FOR EACH ROW WHEN (old.id % 2 = 0)"
        db.execute(f"CREATE TRIGGER other {each} EXECUTE FUNCTION shop.other()".encode())
        with pytest.raises(Refused, match=said):
            clean(citus.url, f"{RELATION} set null", allow_triggers=("other",))
        assert (rows(db), archive(db)) == (before, [])


# In a file


@pytest.mark.parametrize(
    ("child", "parent"),
    [("by another column", "reference"), ("reference", "reference"), ("citus local", "citus local")],
)
def test_the_key_of_the_same_file_stands(citus: Cluster, tmp_path: Path, child: str, parent: str) -> None:
    with citus.connect() as db:
        build(db, PLACES[parent][1], PLACES[child][0])
        step = f"-- cleanup: {RELATION} set null\n{KEY}"
        (done,) = apply(citus.url, tmp_path, _001=step).applied
        assert [one.cleaned for one in done.cleanup] == [8]
        assert (rows(db).total(), orphans(db).total(), len(archive(db))) == (60, 0, 8)


def test_a_file_that_fails_behind_it_leaves_every_node_as_it_was(citus: Cluster, tmp_path: Path) -> None:
    with citus.connect() as db:
        build(db, *PLACES["by another column"])
        before = rows(db)
        with pytest.raises(MigrationFailed):
            apply(
                citus.url,
                tmp_path,
                _001=f"-- cleanup: {RELATION} set null\nALTER TABLE shop.child ADD CHECK (id < 0);",
            )
        assert (rows(db), archive(db)) == (before, [])


@pytest.mark.parametrize("column", ["id", "parent_id"])
def test_what_was_set_before_its_table_was_distributed(citus: Cluster, column: str) -> None:
    with citus.connect() as db:
        db.execute(TABLES)
        db.execute("INSERT INTO shop.parent VALUES (1), (2)")
        db.execute("INSERT INTO shop.child VALUES (1, 1), (2, 9)")
        (one,) = clean(citus.url, f"{RELATION} set default").relations
        assert one.changed == 1
        db.execute("ALTER TABLE shop.child DROP CONSTRAINT child_pkey, ADD PRIMARY KEY (id, parent_id)")
        if column == "id":
            db.execute("ALTER TABLE shop.child DROP CONSTRAINT child_pkey, ADD PRIMARY KEY (id)")
        db.execute(f"SELECT create_distributed_table('shop.child', '{column}')".encode())
        db.execute("INSERT INTO shop.parent VALUES (9)")
        result = restore(citus.url, one.run or 0)
        if column == "id":
            assert (counts(result), set_to(db)) == ((1, 0), {1: 1, 2: 9})
            return
        why = (
            "parent_id is the distribution column of shop.child by now, and Citus does not change its values"
        )
        assert reasons(result) == {why: 1}
        assert (set_to(db), len(archive(db))) == ({1: 1, 2: 2}, 1)
