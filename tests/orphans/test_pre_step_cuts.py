"""A migrate whose files clean first is cut at every message: rows, archive and record are there together, or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import test_cuts
from aftermath import Tale, write
from conftest import open_folder
from proxy import Sender
from samples import CUTS
from test_cuts import cut, undisturbed

from sqlrail.orphans import placed
from sqlrail.server.local import Server

_impatient = test_cuts._impatient

#: two users of one address, orders of nobody, without a total and with one too small, and what refers to them
DIRT = b"""
    CREATE TABLE users (id int PRIMARY KEY, email text, made date);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int DEFAULT 1, total int DEFAULT 9);
    CREATE TABLE lines (id int PRIMARY KEY, order_id int REFERENCES orders ON DELETE CASCADE);
    CREATE TABLE notes (id int PRIMARY KEY, order_id int REFERENCES orders ON DELETE SET NULL);
    CREATE TABLE likes (
        user_id int REFERENCES users ON DELETE CASCADE, post int, note text, PRIMARY KEY (user_id, post)
    );
    INSERT INTO users VALUES (1, 'ada', '2001-01-01'), (2, 'ada', '2002-01-01'), (3, 'grace', NULL), (4, NULL, NULL);
    INSERT INTO likes VALUES (1, 10, 'a'), (2, 10, 'b'), (1, 11, 'c'), (2, 12, 'd'), (3, 10, 'e');
    INSERT INTO orders VALUES (1, 1, 5), (2, 99, 6), (3, 2, NULL), (4, 3, -1), (5, NULL, NULL), (6, 98, -2);
    INSERT INTO lines SELECT id + 10, id FROM orders;
    INSERT INTO notes SELECT id + 20, id FROM orders;
"""
#: the same where nothing goes along with an order, so that orphans are deleted ahead of the locks
ALONE = DIRT + b"DROP TABLE lines, notes;"
NOT_NULL = "ALTER TABLE orders ALTER total SET NOT NULL"
UNIQUE = "ALTER TABLE users ADD UNIQUE (email)"
KEY = "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE"
CHECK = "ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0)"
#: what is said, and the statement that needs it
KINDS = {
    "delete": ("orders.user_id -> users.id delete", f"{KEY} CASCADE"),
    "set null": ("orders.user_id -> users.id set null", f"{KEY} SET NULL"),
    "set default": ("orders.user_id -> users.id set default", f"{KEY} SET DEFAULT"),
    "not null delete": ("orders.total not null delete", NOT_NULL),
    "not null set": ("orders.total not null set 5", NOT_NULL),
    "not null set default": ("orders.total not null set default", NOT_NULL),
    "check": ("orders check positive delete", CHECK),
    "keep newest": ("users.email unique keep newest made", UNIQUE),
    "keep oldest": ("users.email unique keep oldest made", UNIQUE),
}
ALL = [KINDS[kind] for kind in ("keep newest", "set null", "not null set", "check")]


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


def tale(
    server: Server,
    folder: Path,
    *cleanups: tuple[str, str],
    dirt: bytes = DIRT,
    others: Mapping[str, str] | None = None,
) -> Tale:
    """A file that cleans, and the others."""
    lines = [f"-- cleanup: {said}" for said, _ in cleanups]
    lines += [f"{statement};" for _, statement in cleanups]
    files = {"_2_clean": "\n".join(lines), **(others or {})}
    found = Tale(
        server,
        folder / "stages",
        dirt,
        write(folder / "files", **{name.strip("_"): text for name, text in files.items()}),
    )
    assert len({repr(stage) for stage in found.stages}) == 1 + len(files)
    return found


@pytest.mark.usefixtures("_impatient")
def test_a_cut_in_a_pre_step_or_before_the_answer_to_its_commit_leaves_all_or_nothing(
    server: Server, folder: Path, tmp_path: Path
) -> None:
    story = tale(server, tmp_path, *ALL)
    whole = undisturbed(story, folder)
    cut(story, folder, "client", whole.counts["client"] * 3 // 4, again=False)
    cut(story, folder, "server", whole.commits[-1], again=False)


@pytest.mark.promise
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("sender", ["client", "server"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_after_any_message_leaves_all_of_a_file_that_cleans_or_nothing(
    server: Server, folder: Path, tmp_path: Path, kind: str, sender: Sender
) -> None:
    story, step = tale(server, tmp_path, KINDS[kind]), CUTS[sender]
    # One kind after the other begins a place further on, so that together they see more places.
    for number in range([*KINDS].index(kind) % step, undisturbed(story, folder).counts[sender], step):
        cut(story, folder, sender, number, again=False)


@pytest.mark.promise
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("sender", ["client", "server"])
@pytest.mark.parametrize("dirt", [DIRT, ALONE], ids=["a look", "a deletion"])
def test_a_cut_about_what_is_done_ahead_of_the_locks_leaves_all_or_nothing(
    server: Server, folder: Path, tmp_path: Path, dirt: bytes, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placed, "BIG", 0)
    story = tale(server, tmp_path, KINDS["delete"], dirt=dirt)
    for number in range(0, undisturbed(story, folder).counts[sender], CUTS[sender]):
        cut(story, folder, sender, number, again=False)


@pytest.mark.promise
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("sender", ["client", "server"])
def test_a_run_whose_connection_was_cut_once_goes_on_or_the_next_one_does(
    server: Server, folder: Path, tmp_path: Path, sender: Sender
) -> None:
    others = {"_1_before": "ALTER TABLE notes ADD seen bool;", "_3_after": "CREATE TABLE after (id int);"}
    story = tale(server, tmp_path, *ALL, others=others)
    for number in range(0, undisturbed(story, folder).counts[sender], CUTS[sender]):
        cut(story, folder, sender, number, again=True)
