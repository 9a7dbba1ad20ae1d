"""The verb rollback: what it takes back and in which order, what it refuses, and what is left when it is disturbed."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import samples
from aftermath import IDS, MIGRATIONS, attempt, read, start_runner, write
from conftest import Connect, next_said, open_folder, query, run
from console import Outcome, Sqlrail, sqlrail
from listeners import Heard
from proxy import Proxy, Sender
from samples import CUTS
from test_together import FEW, finish, plain_yoyo, yoyo
from waiting import PATIENCE, wait_for, watching

from sqlrail.engine import lost
from sqlrail.engine.store import KEY
from sqlrail.errors import ConnectionFailed, ConnectionLost, MigrationFailed, Refused, SqlrailError
from sqlrail.files.file import read_rollback
from sqlrail.files.folder import read_files
from sqlrail.ground.settings import Settings
from sqlrail.server import local
from sqlrail.verbs.apply import migrate
from sqlrail.verbs.rollback import Rollback, rollback

__all__ = ["sqlrail"]  # the fixture

#: runners that are killed
KILLS = max(5, samples.KILLS // 4)
#: seconds that a rollback of the shipped files takes, from its connection to its end, at the most
DURATION = 0.15
BACK = {f"{id_}.rollback": f"DROP TABLE {id_[4:]};\n" for id_ in FEW}


def told(url: str, files: Path, **settings: Any) -> Settings:
    return Settings(database_url=url, environment="development", migrations=files, **settings)


def apply(url: str, files: Path) -> None:
    error = attempt(url, Heard(), files)
    assert error is None, error


def back(stdout: str) -> list[str]:
    """The migrations that a run said it had taken back."""
    return re.findall(r"^rolled back (\S+)", stdout, re.MULTILINE)


def taken_back(url: str) -> list[str]:
    """Those of yoyo's log, in their order."""
    rows = query(
        url, "SELECT migration_id FROM _yoyo_log WHERE operation = 'rollback' ORDER BY created_at_utc"
    )
    return [id_ for (id_,) in rows]


@pytest.fixture
def few(tmp_path: Path) -> Path:
    return write(tmp_path / "few", **FEW, **BACK)


@pytest.fixture
def applied(database: str, few: Path) -> str:
    """A database that has the few."""
    apply(database, few)
    return database


@pytest.fixture
def back_by(sqlrail: Sqlrail, few: Path) -> Any:
    """Calls rollback on the few in development."""

    def call(url: str, *flags: str, env: dict[str, str] | None = None) -> Outcome:
        given = {"DATABASE_URL": url, "APP_ENV": "development"} if env is None else env
        return sqlrail("rollback", "--migrations", str(few), *flags, env=given)

    return call


# What is taken back


def test_the_newest_one_goes_with_its_record_and_leaves_a_log_entry(
    applied: str, few: Path, back_by: Any
) -> None:
    done = back_by(applied)
    assert done.code == 0, done.err
    assert re.fullmatch(
        r"rolled back 005_t5 \(\d\.\d\d s\)\ndone: 1 rolled back, 4 still applied\n", done.out
    )
    state = read(applied)
    assert (state.records, set(state.rows), state.lock_rows) == ([*FEW][:4], {"t1", "t2", "t3", "t4"}, 0)
    _, files = read_files(few)
    way = read_rollback(files["005_t5"])
    assert way is not None
    rows = query(
        applied,
        "SELECT l.migration_id, l.comment, l.migration_hash = a.migration_hash, l.username <> '', l.created_at_utc >"
        " a.created_at_utc FROM _yoyo_log l JOIN _yoyo_log a USING (migration_id)"
        " WHERE l.operation = 'rollback' AND a.operation = 'apply'",
    )
    assert rows == [("005_t5", way.checksum, True, True, True)]
    apply(applied, few)
    assert read(applied).records == [*FEW]


@pytest.mark.parametrize(
    ("flags", "left"),
    [
        (["--steps", "2"], 3),
        (["--steps", "5"], 0),
        (["--to", "002_t2"], 2),
        (["--to", "2"], 2),
        (["--to", "002"], 2),
        (["--to", "005"], 5),
    ],
    ids=lambda flags: " ".join(flags) if isinstance(flags, list) else "",
)
def test_so_many_go_or_all_that_come_after_one(
    applied: str, back_by: Any, flags: list[str], left: int
) -> None:
    document = back_by(applied, *flags, "--json").document
    assert [one["id"] for one in document["rolled_back"]] == [*FEW][left:][::-1] == taken_back(applied)
    assert all(isinstance(one["seconds"], float) for one in document["rolled_back"])
    assert document["still_applied"] == left
    assert read(applied).records == [*FEW][:left]


def test_where_nothing_is_applied_there_is_nothing_to_do_and_nothing_is_made(
    database: str, back_by: Any
) -> None:
    done = back_by(database)
    assert (done.code, done.out) == (0, "nothing rolled back: 0 applied\n")
    assert query(database, "SELECT to_regclass('_yoyo_migration'), to_regclass('yoyo_lock')") == [
        (None, None)
    ]


def test_post_apply_files_are_not_run(database: str, few: Path, back_by: Any) -> None:
    write(few, **{"post-apply": "CREATE TABLE IF NOT EXISTS ran (id int);\nINSERT INTO ran VALUES (1);\n"})
    apply(database, few)
    assert back_by(database).code == 0
    assert query(database, "SELECT id FROM ran") == [(1,)]


MOVED = {
    "001_view": "-- depends: 003_table\nCREATE VIEW v AS SELECT id FROM t;\n",
    "002_alone": "CREATE TABLE alone (id int);\n",
    "003_table": "CREATE TABLE t (id int);\n",
    "004_index": "-- depends: 001_view\nCREATE INDEX i ON t (id);\n",
    "001_view.rollback": "DROP VIEW v;\n",
    "002_alone.rollback": "DROP TABLE alone;\n",
    "003_table.rollback": "DROP TABLE t;\n",
    "004_index.rollback": "DROP INDEX i;\n",
}


def test_the_order_is_that_of_yoyo_s_own_rollback(database: str, tmp_path: Path) -> None:
    files = write(tmp_path / "moved", **MOVED)
    yoyo(database, "apply", files)
    yoyo(database, "rollback", files, "--all")
    theirs = taken_back(database)
    assert theirs.index("001_view") < theirs.index("003_table")
    query(database, "DELETE FROM _yoyo_log")
    apply(database, files)
    heard = Heard()
    done = rollback(told(database, files), heard, steps=4)
    assert heard.back == taken_back(database) == [one.id for one in done.rolled_back] == theirs


def test_what_depends_on_it_by_way_of_one_that_is_not_applied_goes_first(
    database: str, tmp_path: Path
) -> None:
    files = write(
        tmp_path / "files",
        **{
            "001_last": "-- depends: 002_between\nCREATE VIEW v AS SELECT id FROM t;\n",
            "001_last.rollback": "DROP VIEW v;\n",
            "002_between": "-- depends: 003_first\nSELECT 1;\n",
            "003_first": "CREATE TABLE t (id int);\n",
            "003_first.rollback": "DROP TABLE t;\n",
        },
    )
    apply(database, files)
    query(database, "DELETE FROM _yoyo_migration WHERE migration_id = '002_between'")
    heard = Heard()
    rollback(told(database, files), heard, steps=2)
    assert heard.back == ["001_last", "003_first"]


# What is refused

OUTSIDE = {
    "006_out": "-- transactional: false\nCREATE INDEX CONCURRENTLY out_idx ON t1 (id);\n",
    "006_out.rollback": "DROP INDEX CONCURRENTLY out_idx;\nSELECT 1 / 0;\n",
}


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--to", "007"], "--to is '007': there is no migration of that name"),
        (["--to", "t2"], "--to is 't2': there is no migration of that name; did you mean 002_t2?"),
        (["--to", ""], "--to is '': there is no migration of that name; `status` lists them."),
        (["--to", "9" * 5000], "--to is '999"),
        (["--to", "006_new"], "006_new is not applied, so nothing can be rolled back to it"),
        (["--steps", "6"], "--steps 6: there are only 5 applied"),
        (["--steps", "0"], "--steps is '0': write a whole number"),
        (["--steps", "-1"], "--steps"),
        (["--steps", ""], "--steps is '': write a whole number"),
        (["--to", "\N{ARABIC-INDIC DIGIT TWO}"], "there is no migration"),
        (["--steps", "all"], "--steps is 'all': write a whole number"),
        (["--steps", "1", "--to", "2"], "not allowed with argument --steps"),
    ],
    ids=lambda value: " ".join(value)[:20] if isinstance(value, list) else "",
)
def test_a_goal_that_makes_no_sense_is_wrong_usage(
    applied: str, few: Path, back_by: Any, flags: list[str], says: str
) -> None:
    write(few, **{"006_new": "CREATE TABLE new (id int);\n"})
    done = back_by(applied, *flags)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert read(applied).records == [*FEW]


def test_a_number_that_two_have_is_wrong_usage(applied: str, few: Path, back_by: Any) -> None:
    write(few, **{"002_again": "SELECT 1;\n"})
    done = back_by(applied, "--to", "2")
    assert done.code == 2
    assert "--to is '2': 002_t2 and 002_again have that number; give a whole name." in done.err
    assert read(applied).records == [*FEW]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda few: [(few / f"{id_}.rollback.sql").unlink() for id_ in ("003_t3", "004_t4")],
            r"004_t4 has no rollback \(restore a backup, or write \S+/004_t4\.rollback\.sql and say `rollback` again\)",
        ),
        (lambda few: (few / "003_t3.sql").unlink(), r"the file of 003_t3 is missing \(bring it back, or say --stored"),
        (
            lambda few: (few / "005_t5.sql").unlink(),
            r"005_t5 is ahead of this folder \(roll it back with the files of its release, or with --stored by",
        ),
        (
            lambda few: write(few, **{"004_t4": FEW["004_t4"] + "SELECT 1;\n"}),
            r"004_t4\.sql was edited since it was applied, and its rollback may not fit \(look at both; `repair`",
        ),
    ],
    ids=["no rollback", "no file", "ahead", "edited"],
)  # fmt: skip
def test_one_that_cannot_be_taken_back_stops_them_all_before_anything_runs(
    applied: str, few: Path, back_by: Any, change: Any, says: str
) -> None:
    change(few)
    before = read(applied)
    done = back_by(applied, "--to", "2", "--json")
    assert (done.code, done.error["kind"]) == (3, "refused")
    assert re.search(says, done.error["message"])
    assert done.error["message"].endswith("Nothing was rolled back.")
    assert read(applied) == before


def test_a_rollback_outside_a_transaction_goes_on_where_it_failed(
    applied: str, few: Path, back_by: Any
) -> None:
    write(few, **OUTSIDE)
    apply(applied, few)
    there = (
        "SELECT to_regclass('out_idx') IS NOT NULL,"
        " (SELECT count(*) FROM _yoyo_migration WHERE migration_id = '006_out')"
    )
    assert query(applied, there) == [(True, 1)]
    done = back_by(applied)
    assert (done.code, done.out) == (1, "")
    assert "006_out.rollback.sql:2:1: division by zero." in done.err
    assert "its first statement is done and stays" in done.err
    assert query(applied, there) == [(False, 1)]
    write(few, **{"006_out.rollback": "DROP INDEX CONCURRENTLY out_idx;\nSELECT 1;\n"})
    done = back_by(applied)
    assert (done.code, done.out.split(" (")[0]) == (0, "rolled back 006_out")
    assert "somebody else" not in done.err
    assert query(applied, there) == [(False, 0)]
    assert query(applied, "SELECT count(*) FROM sqlrail.progress") == [(0,)]
    assert query(applied, "SELECT count(*) FROM yoyo_lock") == [(0,)]


def test_a_rollback_that_was_cut_off_in_a_call_is_told_what_became_of_it(
    applied: str, few: Path, back_by: Any
) -> None:
    call = "DO $$BEGIN COMMIT; PERFORM 1 / 0; END$$;\n"
    write(few, **{**OUTSIDE, "006_out.rollback": call})
    apply(applied, few)
    assert back_by(applied).code == 1
    query(applied, """UPDATE sqlrail.progress SET announced = announced || '{"failed": false}'""")
    done = back_by(applied)
    assert (done.code, "--interrupted done" in done.err) == (3, True)
    done = back_by(applied, "--interrupted", "done")
    assert (done.code, done.out.split(" (")[0]) == (0, "rolled back 006_out")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("-- depends: 003_t3\nDROP TABLE t4;\n", ":1:1: 'depends' is not a directive of a rollback"),
        (
            "-- Why\n-- cleanup: a.b -> c.d\nDROP TABLE t4;\n",
            ":2:1: 'cleanup' is not a directive of a rollback",
        ),
        (
            "-- transactional: false\nDROP TABLE t4;\n",
            ":1:1: 'transactional' is not a directive of a rollback",
        ),
        ("-- lock-timeout: 5\nDROP TABLE t4;\n", ":1:1: lock-timeout: write a number with its unit"),
        ("DROP TABLE t4;\nCOMMIT;\n", ":2:1: COMMIT"),
        ("SELECT 'x\n", ":1:8: this string is never closed"),
        ("\n;\n", ":1:1: the file holds no statement"),
        ("DROP TABLE t4;\0", ":1:15: PostgreSQL would read no further"),
    ],
    ids=["depends", "cleanup", "transactional", "a timeout", "COMMIT", "a quote", "empty", "NUL"],
)
def test_a_rollback_that_cannot_run_is_found_before_the_newer_ones_run(
    applied: str, few: Path, back_by: Any, text: str, says: str
) -> None:
    write(few, **{"004_t4.rollback": text})
    before = read(applied)
    done = back_by(applied, "--steps", "2")
    assert (done.code, done.out) == (2, "")
    assert f"004_t4.rollback.sql{says}" in done.err
    assert read(applied) == before


@pytest.mark.parametrize(
    ("environment", "stamp", "reasons"),
    [
        ("development", "development", None),
        ("staging", "test", None),
        ("production", "development", "APP_ENV is production, so"),
        ("development", "production", "the stamp is production, so"),
        ("production", "production", "APP_ENV is production and the stamp is production, so"),
        (None, "development", "APP_ENV is not set, so"),
        ("development", None, "the stamp is missing, so"),
        (None, None, "APP_ENV is not set and the stamp is missing, so"),
    ],
)
def test_production_needs_a_yes_and_so_does_what_nobody_knows(
    applied: str, back_by: Any, environment: str | None, stamp: str | None, reasons: str | None
) -> None:
    query(applied, "DELETE FROM sqlrail.stamp")
    if stamp:
        query(applied, "INSERT INTO sqlrail.stamp (environment, stamped_by) VALUES (%s, 'test')", [stamp])
    env = {"DATABASE_URL": applied, **({"APP_ENV": environment} if environment else {})}
    if reasons:
        before = read(applied)
        done = back_by(applied, "--steps", "2", env=env)
        assert (done.code, done.out) == (3, "")
        assert reasons in done.err
        assert "005_t5, 004_t4 would go, data included" in done.err
        assert "say --yes" in done.err
        assert "both have to say so: APP_ENV or SQLRAIL_ENV, and the stamp" in done.err
        assert read(applied) == before
    done = back_by(applied, "--steps", "2", *(["--yes"] if reasons else []), env=env)
    assert (done.code, back(done.out)) == (0, ["005_t5", "004_t4"])
    assert read(applied).records == [*FEW][:3]


# What goes wrong


def test_a_rollback_that_fails_leaves_everything_and_names_its_place_and_what_went_before(
    applied: str, few: Path, back_by: Any
) -> None:
    write(few, **{"004_t4.rollback": "-- Why\nDROP TABLE t4;\nINSERT INTO t3 VALUES (1),\n  (1 / 0);\n"})
    done = back_by(applied, "--steps", "3", "--json")
    assert (done.code, done.error["kind"], done.error["applied"]) == (1, "migration_failed", [])
    assert done.error["rolled_back"] == ["005_t5"]
    assert (
        "004_t4.rollback.sql:3:1: division by zero. Nothing of 004_t4.rollback was kept."
        in done.error["message"]
    )
    state = read(applied)
    assert (state.records, state.lock_rows, state.rows["t4"], state.rows["t3"]) == ([*FEW][:4], 0, [], [])
    assert taken_back(applied) == ["005_t5"]
    done = back_by(applied)
    assert done.code == 1
    assert "Rolled back before that" not in done.err
    write(few, **BACK)
    write(few, **{"003_t3.rollback": "SELECT nothing FROM t3;\n"})
    done = back_by(applied, "--steps", "2")
    assert "003_t3.rollback.sql:1:8: column" in done.err
    assert done.err.endswith("Rolled back before that: 004_t4.\n")


def test_a_key_that_a_rollback_violates_is_not_blamed_on_a_missing_cleanup(
    applied: str, few: Path, back_by: Any
) -> None:
    text = "CREATE TABLE child (id int REFERENCES t5);\nINSERT INTO child VALUES (7);\n"
    write(few, **{"005_t5.rollback": text})
    done = back_by(applied)
    assert "005_t5.rollback.sql:2:1: insert or update on table" in done.err
    assert "cleanup" not in done.err


def test_what_a_rollback_leaves_in_the_session_ends_with_it(applied: str, few: Path, back_by: Any) -> None:
    text = "SET search_path = nowhere;\nCREATE TEMP TABLE t4 (id int);\nDROP TABLE public.t5;\n"
    write(few, **{"005_t5.rollback": text})
    done = back_by(applied, "--steps", "2")
    assert (done.code, back(done.out)) == (0, ["005_t5", "004_t4"]), done.err
    assert set(read(applied).rows) == {"t1", "t2", "t3"}


@pytest.mark.parametrize(
    ("directive", "text", "says"),
    [
        ("statement-timeout: 50ms", "SELECT pg_sleep(30);", "canceling statement due to statement timeout"),
        ("lock-timeout: 50ms", "DROP TABLE busy;", "canceling statement due to lock timeout"),
    ],
    ids=["statement", "lock"],
)
def test_a_rollback_s_own_timeouts_count(
    applied: str, few: Path, connect: Connect, directive: str, text: str, says: str
) -> None:
    query(applied, "CREATE TABLE busy (id int)")
    keeper = connect(applied, autocommit=False)
    keeper.execute("LOCK TABLE busy")
    write(few, **{"005_t5.rollback": f"-- {directive}\n{text}\n"})
    with pytest.raises(MigrationFailed, match=rf"005_t5\.rollback\.sql:2:1: {says}"):
        rollback(told(applied, few, lock_timeout=60.0, retry_for=0.0), Heard())
    keeper.rollback()
    assert read(applied).records == [*FEW]


def test_a_rollback_that_meets_a_lock_gives_way_and_lands_once_it_is_gone(
    applied: str, few: Path, connect: Connect
) -> None:
    for lock in ("t5", "_yoyo_log IN SHARE MODE"):
        keeper = connect(applied, autocommit=False)
        keeper.execute(f"LOCK TABLE {lock}".encode())

        class Releasing(Heard):
            keeper: psycopg.Connection[Any]

            def say(self, text: str) -> None:
                super().say(text)
                self.keeper.rollback()

        heard = Releasing()
        heard.keeper = keeper
        done = rollback(told(applied, few, lock_timeout=0.2), heard, steps=2)
        assert [one.id for one in done.rolled_back] == heard.back
        assert ".rollback gave way: canceling statement due to lock timeout." in heard.said[0]
    assert read(applied).records == [*FEW][:1]
    assert taken_back(applied) == [*FEW][:0:-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_an_interrupted_rollback_says_what_was_taken_back(
    server: local.Server, applied: str, few: Path, number: signal.Signals
) -> None:
    write(few, **{"004_t4.rollback": "DROP TABLE t4;\nSELECT pg_sleep(60);\n"})
    with watching(server, applied) as watch:
        runner = start_runner(applied, "rollback", "--to", "1", "--migrations", few)
        watch.wait_until_there("query LIKE '%%pg_sleep(60)%%' AND wait_event = 'PgSleep'")
        runner.send_signal(number)
        out, talk = runner.communicate(timeout=PATIENCE)
        watch.wait_until_gone(seconds=0.5)
    assert (runner.returncode, back(out)) == (128 + number, ["005_t5"])
    assert "interrupted: 004_t4.rollback was cancelled and rolled back; nothing of it was kept." in talk
    assert talk.endswith("Rolled back before that: 005_t5.\n")
    state = read(applied)
    assert (state.records, state.lock_rows, set(state.rows)) == ([*FEW][:4], 0, {"t1", "t2", "t3", "t4"})


# Others at work


@pytest.mark.promise
def test_of_20_rollbacks_at_once_each_step_is_made_by_one(database: str, tmp_path: Path) -> None:
    ids = [f"{number:03}_t{number}" for number in range(1, 31)]
    files = write(tmp_path / "thirty", **{id_: f"CREATE TABLE {id_[4:]} (id int);\n" for id_ in ids})
    write(files, **{f"{id_}.rollback": f"DROP TABLE {id_[4:]};\n" for id_ in ids})
    apply(database, files)
    done = finish(*(start_runner(database, "rollback", "--migrations", files) for _ in range(20)))
    assert [(code, talk) for code, _, talk in done if code] == []
    told_back = [id_ for _, out, _ in done for id_ in back(out)]
    state = read(database)
    assert sorted(told_back) == sorted(taken_back(database)) == ids[len(state.records) :]
    assert 10 <= len(state.records) < 30
    assert state.records == ids[: len(state.records)]
    assert (set(state.rows), state.lock_rows) == ({id_[4:] for id_ in state.records}, 0)
    for code, out, talk in done:
        assert code == 0
        assert back(out) or "was rolled back by somebody else meanwhile" in talk


@contextmanager
def waiting(url: str, files: Path, connect: Connect, *flags: str) -> Iterator[Any]:
    """A rollback that has looked, and waits for the runners' lock until the block ends; yields where its end goes."""
    holder = connect(url)
    holder.execute("SELECT pg_advisory_lock(%s)", [KEY])
    runner = start_runner(url, "rollback", "--migrations", files, *flags)
    assert runner.stderr is not None
    assert next_said(runner).startswith("waiting for")
    ended: list[tuple[int, str, str]] = []
    yield ended
    holder.execute("SELECT pg_advisory_unlock(%s)", [KEY])
    ended += finish(runner)


def test_one_that_somebody_took_back_meanwhile_is_left_out(applied: str, few: Path, connect: Connect) -> None:
    with waiting(applied, few, connect, "--steps", "2") as ended:
        query(applied, "DELETE FROM _yoyo_migration WHERE migration_id = '005_t5'")
    ((code, out, talk),) = ended
    assert (code, back(out)) == (0, ["004_t4"])
    assert "005_t5 was rolled back by somebody else meanwhile" in talk
    assert set(read(applied).rows) == {"t1", "t2", "t3", "t5"}


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO _yoyo_migration VALUES ('hash', '006_new', now())",
        "UPDATE _yoyo_migration SET applied_at_utc = applied_at_utc + '1 s' WHERE migration_id = '003_t3'",
    ],
    ids=["a new one", "one taken back and applied again"],
)
def test_one_that_was_applied_meanwhile_stops_the_rollback(
    applied: str, few: Path, connect: Connect, statement: str
) -> None:
    with waiting(applied, few, connect) as ended:
        query(applied, statement)
        before = read(applied)
    ((code, out, talk),) = ended
    assert (code, out) == (3, "")
    assert (
        "another migration was applied while this rollback was under way, so 005_t5.rollback was not run"
        in talk
    )
    assert read(applied) == before


def test_plain_yoyo_goes_on_from_our_rollbacks_and_we_from_its(applied: str, few: Path) -> None:
    def letters() -> str:
        return "".join(re.findall(r"^([AU]) ", yoyo(applied, "list", few), re.MULTILINE))

    heard = Heard()
    rollback(told(applied, few), heard)
    assert letters() == "AAAAU"
    yoyo(applied, "rollback", few, "-r", "004_t4")
    assert letters() == "AAAUU"
    rollback(told(applied, few), heard)
    assert letters() == "AAUUU"
    yoyo(applied, "apply", few)
    assert letters() == "AAAAA"
    rollback(told(applied, few), heard, to="1")
    assert letters() == "AUUUU"
    yoyo(applied, "rollback", few, "--all")
    assert letters() == "UUUUU"
    assert heard.back == ["005_t5", "003_t3", "005_t5", "004_t4", "003_t3", "002_t2"]
    assert read(applied).rows == {}


@pytest.mark.promise
@pytest.mark.parametrize("_round", range(2))
def test_rollbacks_and_plain_yoyo_s_at_once_run_each_file_once(applied: str, few: Path, _round: int) -> None:
    ours, theirs = [], []
    for _ in range(3):
        ours.append(start_runner(applied, "rollback", "--to", "1", "--migrations", few))
        theirs.append(plain_yoyo(applied, "rollback", few, "-r", "002_t2"))
    assert [talk for code, _, talk in finish(*ours) if code] == []
    for code, _, talk in finish(*theirs):
        assert code == 0 or "LockTimeout" in talk, talk
    assert sorted(taken_back(applied)) == [*FEW][1:]
    state = read(applied)
    assert (state.records, set(state.rows), state.lock_rows) == (["001_t1"], {"t1"}, 0)


def test_a_file_does_not_run_when_the_one_before_it_is_rolled_back_at_the_last_moment(
    applied: str, few: Path
) -> None:
    query(
        applied, "INSERT INTO _yoyo_migration VALUES (encode(sha256('000_gone'), 'hex'), '000_gone', now())"
    )
    write(few, **{"006_new": "CREATE TABLE new (id int);\n"})

    class Heckler(Heard):
        """Rolls the newest one back as soon as the run has looked, and says so."""

        def say(self, text: str) -> None:
            if "--allow-missing" in text:
                rollback(told(applied, few), Heard(), yes=True)

    with pytest.raises(Refused, match="a migration was rolled back while this run was under way, so 006_new"):
        migrate(told(applied, few), Heckler(), allowed=["missing"])
    assert sorted(read(applied).records) == ["000_gone", *[*FEW][:-1]]
    assert query(applied, "SELECT to_regclass('new')") == [(None,)]


@pytest.mark.promise
def test_rollbacks_and_migrates_at_once_leave_tables_and_records_that_agree(applied: str, few: Path) -> None:
    runners = []
    for _ in range(4):
        runners.append(start_runner(applied, "rollback", "--steps", "2", "--migrations", few))
        runners.append(start_runner(applied, "migrate", "--migrations", few))
    for code, _, talk in finish(*runners):
        assert code == 0 or "while this r" in talk or "only" in talk, talk
    state = read(applied)
    assert state.records == sorted(state.records) == [*FEW][: len(state.records)]
    assert (sorted(state.rows), state.lock_rows) == (sorted(id_[4:] for id_ in state.records), 0)


# Kills and cuts


class Descent:
    """The shipped files applied, as a template, and what the database is after each step down."""

    def __init__(self, server: local.Server) -> None:
        self.server, self.number = server, 0
        self.template = f"descent_{os.getpid()}"
        query(server.url, f"CREATE DATABASE {self.template}")
        apply(self._url(self.template), MIGRATIONS)
        self.stages: dict[int, tuple[object, ...]] = {}
        with self.copy() as url:
            self.stages[len(IDS)] = read(url).content
            for left in reversed(range(len(IDS))):
                rollback(told(url, MIGRATIONS), Heard())
                self.stages[left] = read(url).content

    @contextmanager
    def copy(self) -> Iterator[str]:
        self.number += 1
        name = f"{self.template}_{self.number}"
        query(self.server.url, f"CREATE DATABASE {name} TEMPLATE {self.template}")
        try:
            yield self._url(name)
        finally:
            query(self.server.url, f"DROP DATABASE {name} WITH (FORCE)")

    def check(self, url: str, told_back: Sequence[str]) -> int:
        """Every step is wholly made or not at all, and what was told is made; returns how many are left."""
        state = read(url)
        left = len(state.records)
        assert state.records == IDS[:left]
        assert state.content == self.stages[left]
        assert Counter(taken_back(url)) == Counter(IDS[left:])
        assert state.lock_rows == 0
        assert set(told_back) <= set(IDS[left:])
        return left

    def check_all_is_well(self, url: str) -> None:
        """The next run goes on to the end."""
        left = self.check(url, [])
        heard = Heard()
        if left:
            rollback(told(url, MIGRATIONS), heard, steps=left)
        assert heard.back == IDS[:left][::-1]
        assert self.check(url, heard.back) == 0

    def _url(self, name: str) -> str:
        return self.server.url.replace("/app?", f"/{name}?")


@pytest.fixture(scope="module")
def descent(server: local.Server) -> Descent:
    return Descent(server)


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost, "RECONNECT", 0.0)


def go_down(url: str, heard: Heard) -> Rollback | SqlrailError:
    try:
        return rollback(told(url, MIGRATIONS), heard, steps=len(IDS))
    except SqlrailError as exc:
        ended = exc
    assert ended.rolled_back == heard.back
    return ended


def cut(descent: Descent, folder: Path, sender: Sender, number: int, *, again: bool) -> Heard | None:
    """Cuts a run after so many messages and checks what is left; what it told, if it went on to the end."""
    heard = Heard()
    with descent.copy() as url, watching(descent.server, url) as watch:
        with closing(Proxy(folder, url, sender=sender, cut_after=number, again=again)) as proxy:
            ended = go_down(proxy.url, heard)
            assert proxy.was_cut.wait(PATIENCE)
        watch.wait_until_gone()
        left = descent.check(url, heard.back)
        if isinstance(ended, SqlrailError):
            assert isinstance(ended, (ConnectionFailed, ConnectionLost)), ended
            named = re.search(r"(\d{3}_\w+)\.rollback was being", str(ended))
            if named and "nothing of it was kept" in str(ended):
                assert named[1] in IDS[:left]
        else:
            assert (left, heard.back) == (0, IDS[::-1])
        descent.check_all_is_well(url)
    return None if isinstance(ended, SqlrailError) else heard


def undisturbed(descent: Descent, folder: Path) -> Proxy:
    with descent.copy() as url, closing(Proxy(folder, url)) as proxy:
        assert isinstance(go_down(proxy.url, Heard()), Rollback)
        return proxy


@pytest.mark.promise
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("again", [False, True], ids=["for good", "once"])
def test_a_cut_after_any_message_leaves_no_step_half_made(
    descent: Descent, folder: Path, again: bool
) -> None:
    counts = undisturbed(descent, folder).counts
    for sender, step in CUTS.items():
        for number in range(step // 2 * again, counts[sender], step):
            cut(descent, folder, sender, number, again=again)


@pytest.mark.promise
def test_a_rollback_goes_on_when_the_answer_to_any_commit_was_lost(descent: Descent, folder: Path) -> None:
    commits = undisturbed(descent, folder).commits[-len(IDS) :]
    for id_, number in zip(reversed(IDS), commits, strict=True):
        heard = cut(descent, folder, "server", number, again=True)
        assert heard is not None
        assert f"lost while {id_}.rollback was being committed" in " ".join(heard.said)


def test_a_step_costs_two_round_trips(database: str, few: Path, folder: Path) -> None:
    counts = []
    for steps in (2, 4):
        apply(database, few)
        with closing(Proxy(folder, database)) as proxy:
            rollback(told(proxy.url, few), Heard(), steps=steps)
        counts.append(proxy.counts["client"])
    assert counts[1] - counts[0] <= 2 * 2 + 1  # the goodbye may be counted or not


def test_an_answer_that_was_lost_is_settled_though_somebody_has_applied_it_again(
    database: str, few: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(database, few)
    with closing(Proxy(folder, database)) as proxy:
        rollback(told(proxy.url, few), Heard())
        (number,) = proxy.commits
    apply(database, few)
    query(database, "CREATE TABLE again AS TABLE _yoyo_migration")
    back_again = lost.LostAnswer._reconnect

    def reconnect(self: lost.LostAnswer, name: str) -> None:
        query(
            database,
            "INSERT INTO _yoyo_migration SELECT migration_hash, migration_id, now() FROM again EXCEPT ALL"
            " SELECT migration_hash, migration_id, now() FROM _yoyo_migration",
        )
        back_again(self, name)

    monkeypatch.setattr(lost.LostAnswer, "_reconnect", reconnect)
    heard = Heard()
    with closing(Proxy(folder, database, sender="server", cut_after=number)) as proxy:
        rollback(told(proxy.url, few), heard)
    assert heard.back == ["005_t5"]
    assert "t5" not in read(database).rows


@pytest.mark.promise
@pytest.mark.timeout(900)
def test_a_runner_killed_at_any_instant_leaves_no_step_half_made(descent: Descent) -> None:
    ends, chance = [], random.Random(KILLS)  # noqa: S311 - the same ones each time
    for _ in range(KILLS):
        with descent.copy() as url, watching(descent.server, url) as watch:
            runner = start_runner(url, "rollback", "--steps", len(IDS))
            watch.let_run(chance.uniform(0, DURATION))
            runner.kill()
            out, _ = runner.communicate(timeout=PATIENCE)
            ends.append(runner.returncode)
            watch.wait_until_gone()
            descent.check(url, back(out))
            descent.check_all_is_well(url)
    assert set(ends) <= {0, -signal.SIGKILL}
    assert -signal.SIGKILL in ends


def test_a_rollback_killed_in_a_long_statement_does_not_hold_up_the_next(
    server: local.Server, applied: str, few: Path
) -> None:
    write(few, **{"005_t5.rollback": "DROP TABLE t5;\nSELECT pg_sleep(60);\n"})
    with watching(server, applied) as watch:
        runner = start_runner(applied, "rollback", "--migrations", few)
        watch.wait_until_there("query LIKE '%%pg_sleep(60)%%' AND wait_event = 'PgSleep'")
        runner.kill()
        started = time.monotonic()
        write(few, **BACK)
        rollback(told(applied, few), Heard())
        assert time.monotonic() - started < 3
        finish(runner)
        watch.wait_until_gone(seconds=5)
    assert (read(applied).records, taken_back(applied)) == ([*FEW][:4], ["005_t5"])


# Up, down and up again

EVERYTHING = """
    SELECT 'view ' || relname || pg_get_viewdef(oid) FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')
    UNION ALL SELECT 'sequence ' || relname FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'
    UNION ALL SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'type ' || typname || ' ' || typtype::text || ' ' || coalesce(
           (SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid), '')
      FROM pg_type AS t WHERE typnamespace = 'public'::regnamespace AND typname !~ 'yoyo'
    UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'comment ' || objoid::regclass || ' ' || objsubid || ' ' || description FROM pg_description
     WHERE classoid = 'pg_class'::regclass AND objoid >= 16384
"""


def schema(url: str) -> tuple[list[str], list[str]]:
    lines = [line for (line,) in query(url, EVERYTHING)]
    return read(url).catalog, sorted(line for line in lines if not line.startswith("comment sqlrail."))


def test_every_shipped_migration_goes_up_and_down_and_up_again_to_the_same_schema(any_database: str) -> None:
    environment = {"DATABASE_URL": any_database, "APP_ENV": "test"}
    assert run("migrate", env=environment).returncode == 0
    top = schema(any_database)
    for number, id_ in enumerate(reversed(IDS), 1):
        before = schema(any_database)
        done = run("rollback", env=environment)
        assert (done.returncode, back(done.stdout)) == (0, [id_]), done.stderr
        assert schema(any_database) != before
        assert run("migrate", env=environment).returncode == 0
        assert schema(any_database) == top
        assert run("rollback", "--steps", str(number), env=environment).returncode == 0
    assert schema(any_database) == ([], [])
    assert run("migrate", env=environment).returncode == 0
    assert schema(any_database) == top


def generated(folder: Path, number: int) -> list[str]:
    """So many migrations in blocks of ten about a table; in every other block yoyo's order is not that of the names."""
    kinds = [
        ("CREATE TABLE t{b} (id int PRIMARY KEY, name text NOT NULL DEFAULT 'x', parent int);", "DROP TABLE t{b};"),
        ("ALTER TABLE t{b} ADD COLUMN price numeric(10,2) DEFAULT {b}.5, ADD COLUMN at timestamptz;",
         "ALTER TABLE t{b} DROP COLUMN price, DROP COLUMN at;"),
        ("CREATE UNIQUE INDEX i{b} ON t{b} (lower(name)) INCLUDE (price) WHERE price > 0;", "DROP INDEX i{b};"),
        ("ALTER TABLE t{b} ADD CONSTRAINT c{b} CHECK (price < 1000{b}), ADD UNIQUE (name, at);",
         "ALTER TABLE t{b} DROP CONSTRAINT c{b}, DROP CONSTRAINT t{b}_name_at_key;"),
        ("ALTER TABLE t{b} ADD CONSTRAINT f{b} FOREIGN KEY (parent) REFERENCES t{before} (id) ON DELETE SET NULL;",
         "ALTER TABLE t{b} DROP CONSTRAINT f{b};"),
        ("CREATE TYPE e{b} AS ENUM ('a', 'b{b}');\nALTER TABLE t{b} ADD COLUMN kind e{b} DEFAULT 'a';",
         "ALTER TABLE t{b} DROP COLUMN kind;\nDROP TYPE e{b};"),
        (("CREATE FUNCTION fn{b}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at := now(); RETURN NEW; END $$;\n"
         "CREATE FUNCTION sum{b}(a int, b int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT a + b + {b}; END;"),
         "DROP FUNCTION sum{b};\nDROP FUNCTION fn{b};"),
        ("CREATE TRIGGER tr{b} BEFORE UPDATE ON t{b} FOR EACH ROW EXECUTE FUNCTION fn{b}();",
         "DROP TRIGGER tr{b} ON t{b};"),
        (("CREATE VIEW v{b} AS SELECT id, sum{b}(id, 1) AS more, kind FROM t{b} WHERE price > {b};\n"
         "COMMENT ON VIEW v{b} IS 'the {b}. view';"), "DROP VIEW v{b};"),
        (("INSERT INTO t{b} (id, name, parent) SELECT n, 'n' || n, NULL FROM generate_series(1, 3) AS n;\n"
         "ALTER TABLE t{b} ALTER name TYPE varchar({b}0);"),
         "DELETE FROM t{b};\nALTER TABLE t{b} ALTER name TYPE text;"),
    ]  # fmt: skip
    order: list[str] = []
    files: dict[str, str] = {}
    for block in range(1, number // len(kinds) + 1):
        first = (block - 1) * len(kinds) + 1
        # A view stands in the way of changing its table's columns: the rows go in front of it.
        ups = [*kinds[:8], kinds[9], kinds[8]]
        numbers = list(range(first, first + len(ups)))
        for n, (up, down) in zip(numbers[::-1] if block % 2 else numbers, ups, strict=True):
            id_ = f"{n:03}_b{block}"
            depends = f"-- depends: {order[-1]}\n" if order else ""
            names = {"b": block, "before": max(1, block - 1)}
            files[id_] = depends + re.sub(r"\{(\w+)\}", lambda slot: str(names[slot[1]]), up) + "\n"  # noqa: B023
            files[f"{id_}.rollback"] = re.sub(r"\{(\w+)\}", lambda slot: str(names[slot[1]]), down) + "\n"  # noqa: B023
            order.append(id_)
    write(folder, **files)
    return order


@pytest.mark.promise
def test_200_generated_migrations_go_up_and_down_and_up_again_to_the_same_schema(
    database: str, tmp_path: Path
) -> None:
    files = tmp_path / "many"
    order = generated(files, 200)
    assert (len(order), order != sorted(order)) == (200, True)
    apply(database, files)
    top = schema(database)
    assert {line.split()[0] for line in top[1]} >= {"view", "function", "type", "trigger", "comment"}
    for steps in (1, 7, 37, 200):
        heard = Heard()
        done = rollback(told(database, files), heard, steps=steps)
        assert heard.back == order[::-1][:steps]
        assert done.still_applied == 200 - steps == len(read(database).records)
        assert schema(database) != top
        if steps == 200:
            assert schema(database) == ([], [])
        apply(database, files)
        assert schema(database) == top
    wait_for(lambda: read(database).lock_rows == 0, "no lock row")
