"""Runners and servers are killed, and runners interrupted, at any instant."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path

import psycopg
import pytest
from aftermath import Story, attempt, read, reported, start_runner, write
from conftest import next_said, query, run
from listeners import Heard
from samples import KILLS
from servers import kill_server, own_server
from waiting import PATIENCE, wait_for, watching

from sqlrail.server import local

pytestmark = pytest.mark.promise

#: seconds that a migrate of the story takes, from its connection to its end, at the most; sooner is killed sooner
DURATION = 0.3
SLOW = "CREATE TABLE slow (by text);\nINSERT INTO slow VALUES ('the dead one');\nSELECT pg_sleep(60);\n"


@pytest.fixture(scope="module")
def story(server: local.Server, tmp_path_factory: pytest.TempPathFactory) -> Story:
    return Story(server, tmp_path_factory.mktemp("story"))


def instants(number: int) -> list[float]:
    chance = random.Random(number)  # noqa: S311 - the same ones each time
    return [chance.uniform(0, DURATION) for _ in range(number)]


@pytest.mark.timeout(1800)
def test_a_runner_killed_at_any_instant_leaves_nothing_half_done(story: Story) -> None:
    ends = []
    for instant in instants(KILLS):
        with story.copy() as url, watching(story.server, url) as watch:
            runner = start_runner(url, "migrate")
            watch.let_run(instant)
            runner.kill()
            told, _ = runner.communicate(timeout=PATIENCE)
            ends.append(runner.returncode)
            watch.wait_until_gone()
            story.check(url, reported(told))
            story.check_all_is_well(url)
    assert set(ends) <= {0, -signal.SIGKILL}
    assert -signal.SIGKILL in ends


@pytest.mark.timeout(1800)
def test_a_server_killed_at_any_instant_leaves_nothing_half_done(tmp_path: Path) -> None:
    with own_server() as server:
        story, home = Story(server, tmp_path / "story"), server.data.parent
        for instant in instants(max(3, KILLS // 10)):
            with story.copy() as url:
                with watching(server, url) as watch:
                    runner = start_runner(url, "migrate")
                    watch.let_run(instant)
                    kill_server(home)
                assert local.start(home).started
                told, talk = runner.communicate(timeout=PATIENCE)
                assert (runner.returncode, "bug" in talk) in {(0, False), (1, False)}
                with watching(server, url) as watch:
                    watch.wait_until_gone()
                story.check(url, reported(told))
                story.check_all_is_well(url)


def test_the_next_run_starts_its_work_within_3_seconds_of_a_kill_in_a_long_statement(
    server: local.Server, database: str, tmp_path: Path
) -> None:
    dead = write(tmp_path / "dead", **{"001_slow": SLOW})
    alive = write(
        tmp_path / "alive",
        **{
            "001_slow": "CREATE TABLE slow (by text);\nINSERT INTO slow VALUES ('the next');\n",
            "002_after": "CREATE TABLE after (id int);\n",
        },
    )
    query(database, "CREATE TABLE times (what text, at timestamptz DEFAULT clock_timestamp())")
    with (alive / "001_slow.sql").open("a") as file:
        file.write("INSERT INTO times (what) VALUES ('work');\n")
    with watching(server, database) as watch:
        runner = start_runner(database, "migrate", "--migrations", dead)
        watch.wait_until_there("wait_event = 'PgSleep'")
        runner.kill()
        query(database, "INSERT INTO times (what) VALUES ('kill')")
        heard = Heard()
        assert attempt(database, heard, alive) is None
        runner.communicate(timeout=PATIENCE)
        watch.wait_until_gone(seconds=5)
    (waited,) = query(
        database,
        "SELECT extract(epoch FROM max(at) - min(at))::float FROM times HAVING count(*) = 2",
    )[0]
    assert waited < 3
    state = read(database)
    assert state.records == heard.applied_ids == ["001_slow", "002_after"]
    assert state.applies == {"001_slow": 1, "002_after": 1}
    assert state.rows["slow"] == ['("the next")']
    assert state.lock_rows == 0


SLOW_TABLES = """
    CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_sleep(60) WHERE current_query() ~ '_yoyo_migration'; END $$;
    CREATE EVENT TRIGGER slow ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION slow();
"""


def test_an_interrupted_runner_says_so_while_yoyo_makes_its_tables(
    server: local.Server, database: str, tmp_path: Path
) -> None:
    query(database, SLOW_TABLES)
    files = write(tmp_path / "files", **{"001_first": "CREATE TABLE first (id int);\n"})
    with watching(server, database) as watch:
        runner = start_runner(database, "migrate", "--migrations", files)
        watch.wait_until_there("wait_event = 'PgSleep'")
        runner.send_signal(signal.SIGINT)
        out, talk = runner.communicate(timeout=PATIENCE)
        watch.wait_until_gone(seconds=1)
    assert (runner.returncode, out) == (130, ""), talk
    assert "interrupted" in talk
    assert query(database, "SELECT to_regclass('_yoyo_migration')") == [(None,)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["text", "json"])
def test_an_interrupted_runner_cancels_its_statement_and_says_what_stands(
    server: local.Server, database: str, tmp_path: Path, number: signal.Signals, flags: list[str]
) -> None:
    files = write(
        tmp_path / "files",
        **{"001_first": "CREATE TABLE first (id int);\n", "002_slow": SLOW, "003_never": "SELECT 1 / 0;\n"},
    )
    with watching(server, database) as watch:
        runner = start_runner(database, "migrate", "--migrations", files, *flags)
        watch.wait_until_there("wait_event = 'PgSleep'")
        runner.send_signal(number)
        out, talk = runner.communicate(timeout=PATIENCE)
        # It has cancelled the statement itself, and not left it to the server to find out.
        watch.wait_until_gone(seconds=0.5)
    assert runner.returncode == 128 + number
    if flags:
        error = json.loads(out)["error"]
        assert (error["kind"], error["exit_code"]) == ("interrupted", 128 + number)
        assert error["applied"] == ["001_first"]
        assert "rolled back" in error["message"]
    else:
        assert reported(out) == ["001_first"]
        assert "rolled back" in talk
        assert "001_first" in talk
    assert "Traceback" not in talk
    state = read(database)
    assert (state.records, state.applies, state.lock_rows) == (["001_first"], {"001_first": 1}, 0)
    assert state.rows == {"first": []}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_runner_interrupted_while_it_waits_for_another_has_changed_nothing(
    server: local.Server, database: str, tmp_path: Path, number: signal.Signals
) -> None:
    files = write(tmp_path / "files", **{"001_slow": SLOW})
    with watching(server, database) as watch:
        first = start_runner(database, "migrate", "--migrations", files)
        watch.wait_until_there("wait_event = 'PgSleep'")
        second = start_runner(database, "migrate", "--migrations", files)
        assert second.stderr is not None
        assert next_said(second).startswith("waiting for sqlrail")
        second.send_signal(number)
        out, talk = second.communicate(timeout=PATIENCE)
        assert (second.returncode, out) == (128 + number, "")
        assert "Traceback" not in talk
        assert first.poll() is None
        first.kill()
        first.communicate(timeout=PATIENCE)
        watch.wait_until_gone()
    assert (read(database).records, read(database).lock_rows) == ([], 0)


def test_a_backend_that_an_administrator_ends_leaves_nothing_of_the_file(
    server: local.Server, database: str, tmp_path: Path
) -> None:
    files = write(tmp_path / "files", **{"001_first": "CREATE TABLE first (id int);\n", "002_slow": SLOW})
    with watching(server, database) as watch, psycopg.connect(database, autocommit=True) as administrator:
        runner = start_runner(database, "migrate", "--migrations", files, "--json")
        watch.wait_until_there("wait_event = 'PgSleep'")
        administrator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event = 'PgSleep'"
        )
        out, _ = runner.communicate(timeout=PATIENCE)
    error = json.loads(out)["error"]
    assert (runner.returncode, error["kind"], error["applied"]) == (1, "connection_lost", ["001_first"])
    assert "002_slow was being applied; nothing of it was kept" in error["message"]
    state = read(database)
    assert (state.records, state.rows, state.lock_rows) == (["001_first"], {"first": []}, 0)
    wait_for(
        lambda: run("status", "--migrations", files, env={"DATABASE_URL": database}).returncode == 0, "status"
    )
