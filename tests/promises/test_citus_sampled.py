"""A cleanup on a cluster of Citus looks at a sample of a big table first; what it does is exact none the less."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cluster import Cluster
from test_citus_cleanup import RELATION, build, build_large, orphans, rows
from test_cleanup import archive, clean, settings
from test_restore import restore

from sqlrail.errors import Refused
from sqlrail.ground.events import Said
from sqlrail.ground.kinds import parse
from sqlrail.orphans import sampled
from sqlrail.verbs import cleanup as room

pytestmark = pytest.mark.promise

Connection = psycopg.Connection[Any]

#: a child and a parent that lie together, and what becomes of orphans there
TOGETHER = [
    ("by the key", "by the key", "delete"),
    ("by the key", "reference", "delete"),
    ("by another column", "reference", "delete"),
    ("by another column", "reference", "set null"),
    ("reference", "reference", "delete"),
    ("reference", "reference", "set null"),
    ("citus local", "citus local", "delete"),
]


@pytest.fixture(autouse=True)
def _all_is_big(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample of all pages says what a look would."""
    monkeypatch.setattr(sampled, "BIG", 0)
    monkeypatch.setattr(sampled, "PERCENT", 100)


class Heard:
    """What a cleanup says; something may happen while it says so, before it takes its locks."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.said, self.meanwhile = list[str](), meanwhile

    def __call__(self, event: object) -> None:
        if isinstance(event, Said) and event.text.startswith("shop."):
            self.said.append(event.text)
            self.meanwhile()


def run(url: str, heard: Heard, relation: str = RELATION, **more: Any) -> room.Cleanup:
    return room.cleanup(settings(url, **more), heard, [parse(relation)])


@pytest.mark.parametrize(("child", "parent", "action"), TOGETHER, ids=[", ".join(one) for one in TOGETHER])
def test_a_sample_is_enough_to_begin_with(citus: Cluster, child: str, parent: str, action: str) -> None:
    with citus.connect() as db:
        build(db, child, parent)
        if action == "set null":
            db.execute("ALTER TABLE shop.child ADD PRIMARY KEY (id)")
        before, gone, heard = rows(db), orphans(db), Heard()
        (one,) = run(citus.url, heard, f"{RELATION} {action}").relations
        assert heard.said == [
            "shop.child.parent_id -> shop.parent.id: about 8 orphans of about 60 rows (13.33%)"
        ]
        assert (one.orphans, one.cleaned, one.archived) == (8, 8, 8)
        assert orphans(db).total() == 0
        assert (before - rows(db)) == gone
        db.execute("INSERT INTO shop.parent SELECT n, 'p' || n FROM generate_series(21, 24) AS n")
        assert one.run
        restore(citus.url, one.run)
        assert rows(db) == before
        assert archive(db) == []


@pytest.mark.parametrize(
    ("big", "percent"), [(2**40, 100), (0, 1e-9)], ids=["a small table", "a sample without an orphan"]
)
def test_where_a_sample_says_nothing_all_is_looked_at(
    citus: Cluster, monkeypatch: pytest.MonkeyPatch, big: int, percent: float
) -> None:
    monkeypatch.setattr(sampled, "BIG", big)
    monkeypatch.setattr(sampled, "PERCENT", percent)
    with citus.connect() as db:
        build(db, "by the key", "by the key")
        heard = Heard()
        (one,) = run(citus.url, heard).relations
        assert heard.said == ["shop.child.parent_id -> shop.parent.id: 8 orphans"]
        assert (one.orphans, one.deleted, one.archived) == (8, 8, 8)
        (one,) = run(citus.url, heard).relations
        assert (one.orphans, one.run, len(heard.said)) == (0, None, 1)


@pytest.mark.parametrize("many", [False, True], ids=["few", "many"])
def test_what_a_sample_lets_pass_is_weighed_exactly_under_the_locks(citus: Cluster, many: bool) -> None:
    with citus.connect() as db:
        build_large(db, "by the key")
        if many:
            db.execute("DELETE FROM shop.parent WHERE id > 2700")
        before, heard, found = rows(db), Heard(), 300 if many else 30
        with pytest.raises(Refused, match=f"{found} of 3000 rows are orphans, more than 0 rows"):
            run(citus.url, heard, max_rows=0, max_share=(found - 0.5) / 3000)
        assert (rows(db), len(heard.said)) == (before, 1)
        with pytest.raises(Refused, match=f"{found} of 3000 rows are orphans, more than 0 rows"):
            run(citus.url, heard, max_rows=0, max_share=found / 2 / 3000)
        assert (rows(db), len(heard.said)) == (before, 1)
        (one,) = run(citus.url, heard, max_rows=0, max_share=found / 3000).relations
        assert (one.orphans, one.deleted, one.archived) == (found, found, found)
        assert rows(db).total() == 3000 - found


def test_rows_that_were_not_counted_ahead_are_where_it_matters(citus: Cluster) -> None:
    """About as many orphans as are allowed by number: whether they are by share is asked if they are more."""
    with citus.connect() as db:
        build_large(db, "by the key")
        before, heard = rows(db), Heard()
        with pytest.raises(Refused, match="30 of 3000 rows are orphans, more than 29 rows"):
            run(citus.url, heard, max_rows=29, max_share=0.0095)
        assert (rows(db), len(heard.said)) == (before, 1)
        (one,) = run(citus.url, heard, max_rows=29, max_share=0.01).relations
        assert (one.orphans, one.deleted, one.archived) == (30, 30, 30)


def test_orphans_that_came_since_the_sample_go_too_unless_they_are_too_many(citus: Cluster) -> None:
    with citus.connect() as db:
        build_large(db, "by the key")
        before = rows(db)
        heard = Heard(lambda: db.execute("DELETE FROM shop.parent WHERE id > 2700"))
        with pytest.raises(
            Refused, match="300 rows are orphans now, and there were at most 60 of them at the survey"
        ):
            run(citus.url, heard, max_rows=0, max_share=0.2)
        assert rows(db) == before
        heard = Heard(lambda: db.execute("DELETE FROM shop.parent WHERE id > 1000"))
        with pytest.raises(Refused, match="2000 of 3000 rows are orphans"):
            run(citus.url, heard)
        assert rows(db) == before
        heard = Heard(lambda: db.execute("INSERT INTO shop.child VALUES (4000, 4000)"))
        (one,) = run(citus.url, heard, max_share=0.9).relations
        assert "about 2,000 orphans" in heard.said[0]
        assert (one.orphans, one.deleted, one.archived) == (2001, 2001, 2001)


def test_parents_that_came_since_the_sample_keep_their_children(citus: Cluster) -> None:
    with citus.connect() as db:
        build_large(db, "by the key")
        heard = Heard(lambda: db.execute("INSERT INTO shop.parent SELECT generate_series(2971, 3000)"))
        (one,) = run(citus.url, heard).relations
        assert (one.orphans, one.deleted, one.archived, one.run) == (0, 0, 0, None)
        assert rows(db).total() == 3000
        db.execute("DELETE FROM shop.parent")
        with pytest.raises(Refused, match="the parent table is empty"):
            clean(citus.url, RELATION, max_share=1)
        assert rows(db).total() == 3000


def test_what_nobody_has_decided_is_counted_exactly(citus: Cluster, tmp_path: Path) -> None:
    with citus.connect() as db:
        build_large(db, "by the key")
        db.execute("ALTER TABLE shop.child ADD FOREIGN KEY (parent_id) REFERENCES shop.parent NOT VALID")
        (one,) = room.cleanup(settings(citus.url, migrations=tmp_path / "none"), Heard()).undecided
        assert (one.orphans, one.is_sampled, one.deleted) == (30, False, 0)
