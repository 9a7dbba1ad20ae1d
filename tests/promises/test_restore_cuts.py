"""Restores are cut off, killed and interrupted: every row is in its table or in the archive, never neither or both."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from aftermath import start_runner
from conftest import open_folder, query
from proxy import Proxy, Sender
from samples import CUTS, KILLS
from servers import kill_server, own_server
from test_cleanup import clean
from test_restore import restore
from waiting import PATIENCE, wait_for, watching

from sqlrail.errors import ConnectionFailed, ConnectionLost
from sqlrail.server import local

pytestmark = pytest.mark.promise

#: orders that are restored, each with a line, and a note that was emptied
ROWS = 2000

SETUP = f"""
    CREATE TABLE users (id int PRIMARY KEY);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int);
    CREATE TABLE lines (id int PRIMARY KEY, order_id int NOT NULL REFERENCES orders ON DELETE CASCADE);
    CREATE TABLE notes (id int PRIMARY KEY, order_id int REFERENCES orders ON DELETE SET NULL);
    INSERT INTO users VALUES (1), (2);
    INSERT INTO orders SELECT n, 1 + n % 2 FROM generate_series(1, {2 * ROWS}) AS n;
    INSERT INTO lines SELECT id, id FROM orders;
    INSERT INTO notes SELECT id, id FROM orders;
    DELETE FROM users WHERE id = 2
"""
#: rows that are in both places, and rows that are in neither
LOST = f"""
    WITH place AS (
        SELECT 'orders' AS what, id FROM orders UNION ALL SELECT 'lines', id FROM lines
        UNION ALL SELECT 'notes', id FROM notes WHERE order_id IS NOT NULL
        UNION ALL SELECT split_part(source, '.', 2), (cells->>'id')::int FROM sqlrail.archive
    ), found AS (SELECT what, id, count(*) AS places FROM place GROUP BY 1, 2)
    SELECT coalesce(sum(places - 1), 0)::int, 3 * {2 * ROWS} - count(*) FROM found
"""

NAP = """
    CREATE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END';
    CREATE TRIGGER nap BEFORE INSERT ON lines FOR EACH ROW EXECUTE FUNCTION nap()
"""


class Template:
    """A database with a run to restore, and copies of it."""

    def __init__(self, server: local.Server) -> None:
        self.server, self.name, self.number = server, f"restore_{os.getpid()}", 0
        query(server.url, f"CREATE DATABASE {self.name}")
        url = self._url(self.name)
        query(url, SETUP)
        clean(url, max_share=1.0)
        query(url, "INSERT INTO users VALUES (2)")

    @contextmanager
    def copy(self) -> Iterator[str]:
        self.number += 1
        name = f"{self.name}_{self.number}"
        query(self.server.url, f"CREATE DATABASE {name} TEMPLATE {self.name}")
        try:
            yield self._url(name)
        finally:
            query(self.server.url, f"DROP DATABASE {name} WITH (FORCE)")

    def _url(self, name: str) -> str:
        return self.server.url.replace("/app?", f"/{name}?")


@pytest.fixture(scope="module")
def template(server: local.Server) -> Template:
    return Template(server)


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


def is_restored(url: str) -> bool:
    """Whether all is back; nothing is lost or double, and nothing half done."""
    assert query(url, LOST) == [(0, 0)]
    ((left, runs),) = query(
        url,
        "SELECT (SELECT count(*) FROM sqlrail.archive), (SELECT count(*) FROM sqlrail.run WHERE verb = 'restore')",
    )
    assert (left, runs) in {(3 * ROWS, 0), (0, 1)}
    return bool(left == 0)


def check_that_the_next_one_just_works(url: str) -> None:
    restore(url)
    assert is_restored(url)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("sender", ["client", "server"])
def test_a_cut_after_any_message_leaves_every_row_in_one_place(
    template: Template, folder: Path, sender: Sender
) -> None:
    with template.copy() as url, closing(Proxy(folder, url)) as proxy:
        restore(proxy.url)
        total = proxy.counts[sender]
    ends = set()
    for number in range(0, total, 2 * CUTS[sender]):
        with template.copy() as url, watching(template.server, url) as watch:
            with closing(Proxy(folder, url, sender=sender, cut_after=number, again=False)) as proxy:
                try:
                    restore(proxy.url)
                except (ConnectionFailed, ConnectionLost) as exc:
                    said = str(exc)
                assert proxy.was_cut.is_set()
            watch.wait_until_gone()
            done = is_restored(url)
            ends.add(done)
            assert not (done and "nothing of it was kept" in said)
            check_that_the_next_one_just_works(url)
    assert False in ends


def test_the_answer_to_the_commit_is_lost(template: Template, folder: Path) -> None:
    with template.copy() as url, closing(Proxy(folder, url)) as proxy:
        restore(proxy.url)
        number = proxy.commits[-1]
    with template.copy() as url:
        with (
            closing(Proxy(folder, url, sender="server", cut_after=number, again=False)) as proxy,
            pytest.raises(ConnectionLost, match=r"whether it was committed is not known. Run again"),
        ):
            restore(proxy.url)
        assert is_restored(url)
        assert restore(url).run is None


@pytest.mark.timeout(1800)
def test_a_killed_restore_leaves_every_row_in_one_place(template: Template) -> None:
    chance, ends = random.Random(4), []  # noqa: S311 - the same ones each time
    for _ in range(KILLS // 4):
        with template.copy() as url, watching(template.server, url) as watch:
            runner = start_runner(url, "restore", 1)
            watch.let_run(chance.uniform(0, 0.5))
            runner.kill()
            runner.communicate(timeout=PATIENCE)
            watch.wait_until_gone()
            ends.append(is_restored(url))
            assert ends[-1] or runner.returncode == -signal.SIGKILL
            check_that_the_next_one_just_works(url)
    assert False in ends


@pytest.mark.timeout(1800)
def test_a_killed_server_leaves_every_row_in_one_place() -> None:
    chance = random.Random(5)  # noqa: S311 - the same ones each time
    with own_server() as server:
        home, template = server.data.parent, Template(server)
        for _ in range(max(3, KILLS // 40)):
            with template.copy() as url:
                with watching(server, url) as watch:
                    runner = start_runner(url, "restore", 1)
                    watch.let_run(chance.uniform(0, 0.4))
                    kill_server(home)
                assert local.start(home).started
                _, talk = runner.communicate(timeout=PATIENCE)
                assert (runner.returncode, "bug" in talk) in {(0, False), (1, False)}
                with watching(server, url) as watch:
                    watch.wait_until_gone()
                is_restored(url)
                check_that_the_next_one_just_works(url)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_an_interrupted_restore_is_rolled_back_and_says_so(
    template: Template, number: signal.Signals
) -> None:
    with template.copy() as url, watching(template.server, url) as watch:
        query(url, NAP)
        runner = start_runner(url, "restore", 1, "--allow-triggers", "nap")
        watch.wait_until_there("wait_event = 'PgSleep'")
        runner.send_signal(number)
        out, talk = runner.communicate(timeout=PATIENCE)
        watch.wait_until_gone(seconds=1)
        assert (runner.returncode, out) == (128 + number, "")
        assert "rolled back" in talk
        assert "Traceback" not in talk
        assert not is_restored(url)
        query(url, "DROP TRIGGER nap ON lines")
        wait_for(lambda: restore(url).run, "the next one works")
        assert is_restored(url)
