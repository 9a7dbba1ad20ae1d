"""A `-- cleanup:` in front of a file's statements on a cluster of Citus, wherever child and parent lie: the key that
follows stands, for what it would refuse is in the archive.
"""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from cluster import Cluster
from test_citus_cleanup import RELATION, ROWS, TABLES, build, orphans, rows
from test_cleanup import apply, archive, clean
from test_online import run as online
from test_restore import restore

from sqlrail.errors import MigrationFailed, Refused

pytestmark = pytest.mark.promise

KEY = "ALTER TABLE shop.child ADD CONSTRAINT has_parent FOREIGN KEY (parent_id) REFERENCES shop.parent (id);"
#: pairs that a foreign key can stand between, where Citus knows of both
KEYED = [
    ("by the key", "by the key"),
    ("by the key", "reference"),
    ("by another column", "reference"),
    ("reference", "reference"),
    ("single shard", "reference"),
    ("citus local", "reference"),
    ("citus local", "citus local"),
    ("local", "local"),
]
#: pairs without one
KEYLESS = [
    ("by the key", "by another column"),
    ("by the key", "local"),
    ("reference", "by the key"),
    ("single shard", "by the key"),
    ("local", "by the key"),
]
#: both on one node, co-located in other ways
NEAR = {
    "single shards": (
        "SELECT create_distributed_table('shop.parent', NULL, colocate_with => 'none')",
        "SELECT create_distributed_table('shop.child', NULL, colocate_with => 'shop.parent')",
    ),
    "a schema that is a shard": ("SELECT citus_schema_distribute('shop')",),
}


def check(citus: Cluster, folder: Path, statement: str) -> None:
    with citus.connect() as db:
        before, gone = rows(db), orphans(db)
        assert gone.total() == 8
        step = f"-- cleanup: {RELATION} delete\n{statement}"
        (done,) = apply(citus.url, folder, _001=step).applied
        assert [one.cleaned for one in done.cleanup] == [8]
        assert rows(db) == before - gone
        assert len(archive(db)) == 8


@pytest.mark.parametrize(("child", "parent"), KEYED, ids=[" -> ".join(pair) for pair in KEYED])
def test_the_key_of_the_same_file_stands(citus: Cluster, tmp_path: Path, child: str, parent: str) -> None:
    with citus.connect() as db:
        build(db, child, parent)
        check(citus, tmp_path, KEY)
        with pytest.raises(psycopg.errors.Error):
            db.execute("INSERT INTO shop.child (id, parent_id) VALUES (99, 99)")


@pytest.mark.parametrize(("child", "parent"), KEYLESS, ids=[" -> ".join(pair) for pair in KEYLESS])
def test_another_change_of_the_same_file_goes_with_it(
    citus: Cluster, tmp_path: Path, child: str, parent: str
) -> None:
    with citus.connect() as db:
        build(db, child, parent)
    check(citus, tmp_path, "ALTER TABLE shop.child ADD CHECK (parent_id <= 20);")


@pytest.mark.parametrize("form", NEAR)
def test_what_lies_whole_on_one_node_takes_a_key(citus: Cluster, tmp_path: Path, form: str) -> None:
    with citus.connect() as db:
        db.execute(TABLES)
        for statement in (*NEAR[form], *ROWS.replace("{nobody}", "NULL").split(";")):
            db.execute(statement.encode())
    check(citus, tmp_path, KEY)


def test_what_lies_on_one_node_is_deleted_in_two_phases(citus: Cluster) -> None:
    """In one, its node would commit before the archive has."""
    with citus.connect() as db:
        db.execute(TABLES)
        for statement in (*NEAR["single shards"], *ROWS.replace("{nobody}", "NULL").split(";")):
            db.execute(statement.encode())
        for verb in (clean, online):
            db.execute("SELECT recover_prepared_transactions()")
            (one,) = verb(citus.url, RELATION).relations
            assert one.deleted == 8
            assert db.execute("SELECT count(*) > 0 FROM pg_dist_transaction").fetchall() == [(True,)]
            assert one.run is not None
            restore(citus.url, one.run, force=True)


def test_a_file_that_fails_behind_its_cleanup_leaves_every_node_as_it_was(
    citus: Cluster, tmp_path: Path
) -> None:
    with citus.connect() as db:
        build(db, "by the key", "by the key")
        before = rows(db)
        step = f"-- cleanup: {RELATION} delete\n{KEY}\nALTER TABLE shop.child ADD CHECK (id < 0);"
        with pytest.raises(MigrationFailed):
            apply(citus.url, tmp_path, _001=step)
        assert (rows(db), archive(db)) == (before, [])


def test_an_empty_parent_refuses_the_file(citus: Cluster, tmp_path: Path) -> None:
    with citus.connect() as db:
        build(db, "by the key", "by the key")
        db.execute("DELETE FROM shop.parent")
        before = rows(db)
        with pytest.raises(Refused, match="the parent table is empty"):
            apply(citus.url, tmp_path, _001=f"-- cleanup: {RELATION} delete\n{KEY}")
        assert (rows(db), archive(db)) == (before, [])
