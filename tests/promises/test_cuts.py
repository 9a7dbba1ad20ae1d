"""The connection is cut everywhere: after every message, either way, and in the middle of statements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from aftermath import IDS, MIGRATIONS, Story, Tale, attempt, read, reported, write
from conftest import Connect, open_folder, run
from listeners import Heard
from proxy import Proxy, Sender
from samples import CUTS
from waiting import PATIENCE, watching

from sqlrail.engine import lost
from sqlrail.errors import ConnectionFailed, ConnectionLost, SqlrailError
from sqlrail.ground.settings import Settings
from sqlrail.server import local
from sqlrail.verbs.cleanup import cleanup

pytestmark = pytest.mark.promise

TABLES = ("users", "subscriptions", "sessions", "user_behaviors", "analytics_reports", "onboarding_steps",
          "onboarding_answers", "usage_analytics")  # fmt: skip


@pytest.fixture(scope="module")
def story(server: local.Server, tmp_path_factory: pytest.TempPathFactory) -> Story:
    return Story(server, tmp_path_factory.mktemp("story"))


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@pytest.fixture
def runners() -> Iterator[Executor]:
    """Where a runner runs while the test goes on."""
    with ThreadPoolExecutor() as pool:
        yield pool


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody comes back in these tests, and nobody shall wait for it."""
    monkeypatch.setattr(lost, "RECONNECT", 0.0)


def undisturbed(story: Tale, folder: Path) -> Proxy:
    """A run that is only counted."""
    with story.copy() as url, closing(Proxy(folder, url)) as proxy:
        assert attempt(proxy.url, Heard(), story.migrations) is None
        return proxy


def check_what_was_said(error: SqlrailError, records: list[str]) -> None:
    """An error about one file says truly what became of it."""
    text = str(error)
    named = re.search(r"(\d{3}_\w+) was being", text)
    if named and "nothing of it was kept" in text:
        assert named[1] not in records
    assert isinstance(error, (ConnectionFailed, ConnectionLost)), text


def cut(story: Tale, folder: Path, sender: Sender, number: int, *, again: bool) -> Heard | None:
    """Cuts a run after so many messages and checks what is left; what it told, if it went on to the end."""
    heard = Heard()
    with story.copy() as url, watching(story.server, url) as watch:
        with closing(Proxy(folder, url, sender=sender, cut_after=number, again=again)) as proxy:
            error = attempt(proxy.url, heard, story.migrations)
            assert proxy.was_cut.wait(PATIENCE)
        watch.wait_until_gone()
        records = story.check(url, heard.applied_ids)
        if error is None:
            assert records == heard.applied_ids
        else:
            check_what_was_said(error, records)
        story.check_all_is_well(url)
    return heard if error is None else None


@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("again", [False, True], ids=["for good", "once"])
def test_a_cut_after_any_message_of_the_runner_leaves_nothing_half_done(
    story: Story, folder: Path, again: bool
) -> None:
    # The last message says goodbye. Odd numbers and even ones, so that both ways together see twice as many places.
    for number in range(
        CUTS["client"] // 2 * again, undisturbed(story, folder).counts["client"], CUTS["client"]
    ):
        cut(story, folder, "client", number, again=again)


@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("again", [False, True], ids=["for good", "once"])
def test_a_cut_after_any_message_of_the_server_leaves_nothing_half_done(
    story: Story, folder: Path, again: bool
) -> None:
    for number in range(
        CUTS["server"] // 2 * again, undisturbed(story, folder).counts["server"], CUTS["server"]
    ):
        cut(story, folder, "server", number, again=again)


@pytest.mark.usefixtures("_impatient")
def test_a_commit_whose_answer_is_lost_for_good_stands_and_is_not_told(story: Story, folder: Path) -> None:
    for number in undisturbed(story, folder).commits:
        assert cut(story, folder, "server", number, again=False) is None


def test_a_run_goes_on_when_the_answer_to_the_commit_of_any_file_was_lost(story: Story, folder: Path) -> None:
    # Commits of files are the last ones; before them come those that made yoyo's tables and the stamp.
    for id_, number in zip(IDS, undisturbed(story, folder).commits[-len(IDS) :], strict=True):
        heard = cut(story, folder, "server", number, again=True)
        assert heard is not None
        assert f"lost while {id_} was being committed" in " ".join(heard.said)


def test_the_command_says_that_it_lost_the_answer_and_exits_0(story: Story, folder: Path) -> None:
    number = undisturbed(story, folder).commits[-2]
    with story.copy() as url, closing(Proxy(folder, url, sender="server", cut_after=number)) as proxy:
        done = run("migrate", env={"DATABASE_URL": proxy.url, "APP_ENV": "development"})
        assert (done.returncode, reported(done.stdout)) == (0, IDS)
        assert f"lost while {IDS[-2]} was being committed; looking what became of it" in done.stderr
        assert story.check(url, IDS) == IDS


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize(
    ("table", "mode"),
    [*((table, "ACCESS EXCLUSIVE") for table in TABLES),
     *((table, "SHARE") for table in ("sqlrail.run", "sqlrail.archive", "_yoyo_migration", "_yoyo_log"))],
)  # fmt: skip
def test_a_cut_in_a_statement_that_waits_for_a_table_ends_that_statement(
    story: Story, folder: Path, tmp_path: Path, connect: Connect, runners: Executor, table: str, mode: str
) -> None:
    """No matter whether the statement is the pre-step's, the file's or the record's."""
    heard = Heard()
    with (
        story.copy() as url,
        watching(story.server, url) as watch,
        closing(Proxy(folder, url, again=False)) as proxy,
    ):
        if mode == "SHARE":
            # They exist once there was a run.
            first = write(tmp_path / "first", **{IDS[0]: (MIGRATIONS / f"{IDS[0]}.sql").read_text()})
            assert attempt(url, Heard(), first) is None
        before = read(url).records
        holder = connect(url, autocommit=False)
        holder.execute(f"LOCK TABLE {table} IN {mode} MODE".encode())
        ended = runners.submit(attempt, proxy.url, heard, lock_timeout=60.0)
        watch.wait_until_there("wait_event_type = 'Lock'")
        proxy.cut()
        # The lock is still held: the server itself has to see that nobody is there any more.
        watch.wait_until_gone(seconds=10)
        error = ended.result()
        holder.rollback()
        records = story.check(url, heard.applied_ids)
        assert records[: len(before)] == before
        assert error is not None
        check_what_was_said(error, records)
        story.check_all_is_well(url)


def test_a_cut_in_each_statement_of_a_file_leaves_nothing_of_the_file(
    server: local.Server, database: str, folder: Path, tmp_path: Path, connect: Connect, runners: Executor
) -> None:
    tables = [f"t{number}" for number in range(6)]
    for table in tables:
        connect(database).execute(f"CREATE TABLE {table} (id int)".encode())
    files = write(
        tmp_path / "files",
        **{
            "001_all": "-- lock-timeout: 1min\n"
            + "".join(f"INSERT INTO {table} VALUES (1);\n" for table in tables)
        },
    )
    for table in tables:
        heard = Heard()
        with closing(Proxy(folder, database, again=False)) as proxy, watching(server, database) as watch:
            holder = connect(database, autocommit=False)
            holder.execute(f"LOCK TABLE {table}".encode())
            ended = runners.submit(attempt, proxy.url, heard, files)
            watch.wait_until_there("wait_event_type = 'Lock'")
            proxy.cut()
            watch.wait_until_gone(seconds=10)
            error = ended.result()
            holder.rollback()
        assert isinstance(error, ConnectionLost)
        assert "001_all was being applied; nothing of it was kept" in str(error)
        state = read(database)
        assert (state.records, state.lock_rows, heard.applied_ids) == ([], 0, [])
        assert state.rows == {table: [] for table in tables}
    assert attempt(database, Heard(), files) is None
    assert read(database).rows == {table: ["(1)"] for table in tables}


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("dry_run", [True, False], ids=["dry run", "cleanup"])
def test_a_cut_in_a_cleanup_is_said_to_be_one(story: Story, folder: Path, dry_run: bool) -> None:
    def clean(url: str) -> SqlrailError | None:
        told = Settings(database_url=url, environment="development", migrations=MIGRATIONS)
        try:
            cleanup(told, Heard(), dry_run=dry_run)
        except SqlrailError as exc:
            return exc
        return None

    with story.copy() as url:
        with closing(Proxy(folder, url)) as proxy:
            assert clean(proxy.url) is None
        number = proxy.counts["client"]
    for after in range(0, number - 1, 2 if dry_run else 5):
        with story.copy() as url, watching(story.server, url) as watch:
            with closing(Proxy(folder, url, cut_after=after, again=False)) as proxy:
                error = clean(proxy.url)
            assert isinstance(error, (ConnectionFailed, ConnectionLost)), (after, repr(error))
            watch.wait_until_gone()
