"""The cleanup of duplicates, and its restore, cut at every message; and the cleanup under fire of four sessions."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import psycopg
import pytest
from conftest import fresh_database, open_folder
from proxy import Proxy, Sender
from samples import CUTS, OPERATIONS
from test_cleanup import archive, contents, settings
from test_duplicates import EMAIL, SHOP
from test_restore import restore
from waiting import watching

from sqlrail.errors import ConnectionFailed, ConnectionLost, DatabaseFailed
from sqlrail.ground.events import nobody
from sqlrail.ground.kinds import parse
from sqlrail.server.local import Server
from sqlrail.verbs.cleanup import cleanup

pytestmark = pytest.mark.promise

Connection = psycopg.Connection[Any]

SESSIONS = 4


def clean(url: str) -> None:
    cleanup(settings(url), nobody, [parse(EMAIL)])


@contextmanager
def shop(server: Server) -> Iterator[tuple[str, Connection]]:
    with fresh_database(server) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SHOP)
        yield url, connection


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("sender", ["client", "server"])
@pytest.mark.parametrize("act", ["clean", "restore"])
def test_a_cut_after_any_message_leaves_all_tables_as_they_were_or_as_they_will_be(
    act: str, sender: Sender, server: Server
) -> None:
    do: Callable[[str], object] = clean if act == "clean" else restore

    with open_folder() as folder:
        with shop(server) as (url, connection):
            states = [contents(connection)]
            if act == "restore":
                clean(url)
                states.append(contents(connection))
            with closing(Proxy(folder, url)) as proxy:
                do(proxy.url)
            states.append(contents(connection))
            number = proxy.counts[sender]
        assert states[0] != states[1]
        for after in range(0, number, CUTS[sender]):
            with shop(server) as (url, connection), watching(server, url) as watch:
                if act == "restore":
                    clean(url)
                with (
                    closing(Proxy(folder, url, cut_after=after, sender=sender, again=False)) as proxy,
                    suppress(ConnectionFailed, ConnectionLost, DatabaseFailed),
                ):
                    do(proxy.url)
                watch.wait_until_gone()
                assert contents(connection) in states[-2:]
                assert bool(archive(connection)) == (contents(connection) != states[0])
                if contents(connection) == states[-2]:
                    do(url)  # the next one just works
                assert contents(connection) == states[-1]


class Traffic:
    """Sessions that make users of few addresses, posts and likes of theirs, and note who has made what."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.over = threading.Event()
        self.posts: dict[int, str] = {}
        self.likes: set[tuple[str, int]] = set()
        self.failures: list[BaseException] = []
        self.operations = 0

    def run(self, number: int) -> None:
        turn = random.Random(number)  # noqa: S311
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute("SET statement_timeout = '60s'")
                key = number * 10_000_000
                while not self.over.is_set():
                    key += 1
                    self.operations += 1
                    turn.choice((self.user, self.post, self.like))(
                        connection, key, f"user {turn.randrange(50)}"
                    )
        except BaseException as exc:
            self.failures.append(exc)

    def user(self, connection: Connection, key: int, email: str) -> None:
        connection.execute("INSERT INTO users VALUES (%s, %s, now())", [key, email])

    def post(self, connection: Connection, key: int, email: str) -> None:
        if (user := self._one_of(connection, email)) is None:
            return
        try:
            connection.execute("INSERT INTO posts VALUES (%s, %s)", [key, user])
        except psycopg.errors.ForeignKeyViolation:
            return  # the user has gone meanwhile
        self.posts[key] = email

    def like(self, connection: Connection, key: int, email: str) -> None:
        user, post = self._one_of(connection, email), next(iter(self.posts), None)
        if user is None or post is None:
            return
        try:
            connection.execute("INSERT INTO likes VALUES (%s, %s, %s)", [user, post, key])
        except (psycopg.errors.ForeignKeyViolation, psycopg.errors.UniqueViolation):
            return
        self.likes.add((email, post))

    def _one_of(self, connection: Connection, email: str) -> int | None:
        found = connection.execute("SELECT id FROM users WHERE email = %s ORDER BY random() LIMIT 1", [email])
        return next((id_ for (id_,) in found), None)


def test_under_fire_no_post_and_no_like_is_lost_and_each_is_still_its_users(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as db:
        db.execute(SHOP + "TRUNCATE users, posts, likes")
        traffic = Traffic(database)
        threads = [threading.Thread(target=traffic.run, args=[number]) for number in range(1, SESSIONS + 1)]
        for thread in threads:
            thread.start()
        told = settings(database, max_rows=1_000_000, lock_timeout=1.0, retry_for=20.0)
        deleted = runs = 0
        while not traffic.failures and (traffic.operations < OPERATIONS / 2 or runs < 4):
            with suppress(DatabaseFailed):  # it gave way
                (one,) = cleanup(told, nobody, [parse(EMAIL)]).relations
                deleted, runs = deleted + one.deleted, runs + bool(one.deleted)
        traffic.over.set()
        for thread in threads:
            thread.join()
        assert traffic.failures == []
        (one,) = cleanup(told, nobody, [parse(EMAIL)]).relations
        deleted += one.deleted
        db.execute("ALTER TABLE users ADD UNIQUE (email)")
        assert (
            dict(
                db.execute(
                    "SELECT p.id, u.email FROM posts AS p JOIN users AS u ON u.id = user_id"
                ).fetchall()
            )
            == traffic.posts
        )
        assert {
            *db.execute("SELECT u.email, post_id FROM likes JOIN users AS u ON u.id = user_id")
        } == traffic.likes
        gone = [source for source, action, _ in archive(db) if action == "duplicate"]
        assert len(gone) == deleted > 0
