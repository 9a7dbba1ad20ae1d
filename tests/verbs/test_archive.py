"""The archive: what is in it, and how it is emptied."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
import test_cleanup
from conftest import document_of, query
from psycopg import sql
from terminals import at_a_terminal
from test_cleanup import ODD, ORDERS, as_role, clean, settings
from test_restore import BACK, archived, restore

from sqlrail.errors import Refused
from sqlrail.ground.events import nobody
from sqlrail.ground.values import age
from sqlrail.verbs import archive
from sqlrail.verbs.archive import Purge

Connection = psycopg.Connection[Any]
Command = Callable[..., int]
db, shop, role, command = test_cleanup.db, test_cleanup.shop, test_cleanup.role, test_cleanup.command

DAY = 86400.0


@pytest.fixture
def runs(shop: Connection, database: str) -> Connection:
    """Run 1 is 40 days old and has a cascade, run 2 is of today."""
    shop.execute(
        "CREATE TABLE lines (id int, o int REFERENCES orders ON DELETE CASCADE);"
        "INSERT INTO lines VALUES (1, 13), (2, 13)"
    )
    clean(database)
    shop.execute("UPDATE sqlrail.run SET started_at = started_at - interval '40 days'")
    shop.execute("INSERT INTO orders VALUES (14, 98, 9)")
    clean(database)
    return shop


def purge(url: str, older_than: float, *, yes: bool = True, **more: Any) -> Purge:
    return archive.purge(settings(url, **more), nobody, older_than, lambda *_: yes)


def test_the_list_has_every_run_and_what_is_left_of_it(runs: Connection, database: str) -> None:
    runs.execute(BACK)
    restore(database)
    first, second, third = archive.list_runs(settings(database), nobody).runs
    assert (first.id, first.verb, first.rows, first.kept) == (1, "cleanup", 0, [])
    assert (second.id, second.actor, second.rows) == (2, "tester", 1)
    assert second.kept == [{"relation": ORDERS, "source": "public.orders", "action": "orphan", "rows": 1}]
    assert second.relations[0]["relation"] == ORDERS
    assert (third.id, third.verb, third.rows) == (3, "restore", 0)
    assert third.relations == [{"of": 1, "relation": ORDERS, "restored": 3, "left": 0}]


def test_the_list_of_a_database_without_an_archive_is_empty_and_makes_none(
    database: str, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("archive", "list") == 0
    assert capsys.readouterr().out == "0 rows in the archive\n"
    assert purge(database, 0.0) == Purge(None, {})
    assert query(database, "SELECT to_regnamespace('sqlrail')") == [(None,)]


def test_the_command_lists_what_is_archived(
    runs: Connection, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    # Whatever times look like in this database.
    runs.execute(sql.SQL(ODD).format(sql.Identifier(runs.info.dbname)))
    runs.execute("UPDATE sqlrail.run SET started_at = '2026-01-02 03:04:05+00' WHERE id = 1")
    capsys.readouterr()
    assert command("archive", "list") == 0
    heads, *lines, end = capsys.readouterr().out.splitlines()
    assert heads.split() == ["run", "at", "(UTC)", "verb", "migration", "relations", "still", "archived"]
    assert [line.split()[0] for line in lines] == ["1", "2"]
    assert lines[0].split()[1:3] == ["2026-01-02", "03:04:05"]
    assert lines[0].endswith(f"{ORDERS}  2 cascade, 1 orphan") or lines[0].endswith(
        f"{ORDERS}  1 orphan, 2 cascade"
    )
    assert end == "4 rows in the archive"
    assert command("archive", "list", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["rows"], [run["run"] for run in document["runs"]]) == (4, [1, 2])
    assert document["runs"][0]["at"] == "2026-01-02T03:04:05Z"
    assert document["runs"][0]["archived"] == [
        {"relation": ORDERS, "source": "public.lines", "action": "cascade", "rows": 2},
        {"relation": ORDERS, "source": "public.orders", "action": "orphan", "rows": 1},
    ]


def test_a_purge_deletes_what_is_old_for_good_and_logs_itself(runs: Connection, database: str) -> None:
    assert purge(database, 41 * DAY) == Purge(None, {})
    assert purge(database, 30 * DAY) == Purge(3, {1: 3})
    assert runs.execute("SELECT DISTINCT run FROM sqlrail.archive").fetchall() == [(2,)]
    assert runs.execute(
        "SELECT id, verb, relations FROM sqlrail.run WHERE id <> 2 ORDER BY id"
    ).fetchall() == [
        (
            1,
            "cleanup",
            [{"relation": ORDERS, "parent": "public.users", "orphans": 1, "deleted": 1, "archived": 3}],
        ),
        (3, "purge", [{"of": 1, "purged": 3}]),
    ]
    assert purge(database, 30 * DAY) == Purge(None, {})
    assert restore(database).notes == ("the archive holds no row of run 1 any more (purge 3)",)


def test_a_purge_of_everything_leaves_the_runs(runs: Connection, database: str) -> None:
    assert purge(database, 0.0).purged == {1: 3, 2: 1}
    assert archived(runs) == 0
    assert runs.execute("SELECT count(*) FROM sqlrail.run").fetchall() == [(3,)]


@pytest.mark.parametrize(
    ("environment", "stamp", "asks"),
    [("test", None, True), ("development", "development", False), ("test", "production", True),
     ("production", None, True), ("staging", None, True), (None, None, True)],
)  # fmt: skip
def test_a_purge_asks_unless_setting_and_stamp_say_that_the_database_is_expendable(
    runs: Connection, database: str, environment: str | None, stamp: str | None, asks: bool
) -> None:
    if stamp:
        runs.execute("INSERT INTO sqlrail.stamp VALUES (true, %s, now(), 'me')", [stamp])
    if asks:
        with pytest.raises(
            Refused, match=r"the purge of 3 archived rows of run 1 in test_.*--yes. Nothing was changed"
        ):
            purge(database, 30 * DAY, yes=False, environment=environment)
        assert archived(runs) == 4
        assert purge(database, 30 * DAY, environment=environment).purged == {1: 3}
    else:
        assert purge(database, 30 * DAY, yes=False, environment=environment).purged == {1: 3}


def test_the_command_purges_with_yes_and_says_how_much(
    runs: Connection, command: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_ENV", "production")
    assert command("archive", "purge", "--older-than", "30d") == 3
    assert archived(runs) == 4
    capsys.readouterr()
    assert command("archive", "purge", "--older-than", "30d", "--yes") == 0
    assert capsys.readouterr().out.splitlines() == [
        "run 1: 3 rows deleted for good",
        "done: 3 rows purged (run 3)",
    ]
    assert command("archive", "purge", "--older-than", "0", "--yes", "--json") == 0
    document = document_of(capsys.readouterr().out)
    assert document == {"run": 4, "purged": [{"of": 2, "rows": 1}], "rows": 1, "undated": []}
    assert command("archive", "purge", "--older-than", "0") == 0
    assert capsys.readouterr().out == "nothing to purge\n"


@pytest.mark.parametrize("answers", [True, False])
def test_a_purge_says_at_a_terminal_what_is_to_be_typed(
    runs: Connection, database: str, answers: bool
) -> None:
    name = runs.info.dbname
    code, shown = at_a_terminal(
        "archive", "purge", "--older-than", "0", env={"DATABASE_URL": database, "SQLRAIL_ENV": "production"},
        prompt="to go on: ", answer=f"{name if answers else 'yes'}\n",
    )  # fmt: skip
    assert f"will be deleted for good. Type the database's name ({name}) to go on: " in shown
    assert (code, archived(runs)) == ((0, 0) if answers else (3, 4))


@pytest.mark.parametrize(
    "arguments", [["archive"], ["archive", "empty"], ["archive", "purge"], ["archive", "purge", "--older-than", "30"],
                  ["archive", "purge", "--older-than", "-1d"], ["archive", "purge", "--older-than", "99999d"]],
)  # fmt: skip
def test_a_purge_that_is_not_understood_deletes_nothing(
    runs: Connection, command: Command, arguments: list[str]
) -> None:
    assert command(*arguments) == 2
    assert archived(runs) == 4


@pytest.mark.parametrize(
    ("text", "value"), [("30d", 30 * DAY), ("1.5 d", 1.5 * DAY), ("12h", DAY / 2), ("0", 0.0)]
)
def test_ages_are_durations_and_may_be_days(text: str, value: float) -> None:
    assert age(text) == value


def test_a_role_without_rights_to_the_archive_is_told_so(runs: Connection, database: str, role: str) -> None:
    runs.execute(
        f"GRANT USAGE ON SCHEMA sqlrail TO {role}; GRANT SELECT ON sqlrail.stamp TO {role};"
        f"GRANT ALL ON _yoyo_migration, _yoyo_log, _yoyo_version, yoyo_lock TO {role}".encode()
    )
    for look in (lambda: archive.list_runs(settings(as_role(database, role)), nobody),
                 lambda: purge(as_role(database, role), 0.0)):  # fmt: skip
        with pytest.raises(Refused, match=r"the archive is closed to this role: permission denied .*"):
            look()
    assert archived(runs) == 4


@pytest.mark.parametrize("granted", ["", "GRANT USAGE ON SCHEMA sqlrail TO {0}"])
@pytest.mark.parametrize(
    "words", [["archive", "list"], ["archive", "purge", "--older-than", "0", "--yes"], ["restore", "1"]]
)
def test_a_role_that_may_not_even_look_is_not_told_that_there_is_nothing(
    runs: Connection, database: str, role: str, command: Command, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], granted: str, words: list[str],
) -> None:  # fmt: skip
    runs.execute(granted.format(role).encode() or b"SELECT 1")
    runs.execute(f"GRANT ALL ON _yoyo_migration, _yoyo_log, _yoyo_version, yoyo_lock TO {role}".encode())
    monkeypatch.setenv("DATABASE_URL", as_role(database, role))
    capsys.readouterr()
    assert command(*words) == 3
    assert "permission denied for " in (said := capsys.readouterr().err)
    assert "GRANT " in said
    assert archived(runs) == 4


def test_rows_whose_run_was_deleted_are_listed_and_restored(
    runs: Connection, database: str, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.execute("DELETE FROM sqlrail.run WHERE id = 1")
    first, second = archive.list_runs(settings(database), nobody).runs
    assert (first.id, first.at, first.verb, first.rows) == (1, None, None, 3)
    assert (second.id, second.rows) == (2, 1)
    capsys.readouterr()
    assert command("archive", "list") == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == ["1", "?", "?"]
    assert command("archive", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["at"] is None
    runs.execute(BACK)
    assert sum(one.restored for one in restore(database).relations) == 3
    assert archived(runs) == 1


def test_rows_whose_run_was_deleted_are_purged_when_the_next_run_is_old_enough(
    runs: Connection, database: str
) -> None:
    runs.execute(
        "DELETE FROM sqlrail.run WHERE id = 1; UPDATE sqlrail.run SET started_at = started_at - interval '9d'"
    )
    assert purge(database, 10 * DAY) == Purge(None, {})
    assert purge(database, 8 * DAY).purged == {1: 3, 2: 1}
    assert archived(runs) == 0


def test_rows_of_which_nothing_says_how_old_they_are_stay_and_are_named(
    runs: Connection, database: str, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.execute("DELETE FROM sqlrail.run WHERE id = 2")
    assert purge(database, 8 * DAY) == Purge(3, {1: 3}, {2: 1})
    capsys.readouterr()
    runs.execute("DELETE FROM sqlrail.run")
    assert command("archive", "purge", "--older-than", "8d", "--yes") == 0
    said = capsys.readouterr().out
    assert said.startswith("run 2: 1 row left, for nothing says how old")
    assert said.endswith("nothing to purge\n")
    assert command("archive", "purge", "--older-than", "0", "--yes", "--json") == 0
    assert json.loads(capsys.readouterr().out)["purged"] == [{"of": 2, "rows": 1}]
    assert archived(runs) == 0


def test_rows_are_seen_where_the_stamp_was_dropped(runs: Connection, database: str) -> None:
    runs.execute("DROP TABLE sqlrail.stamp")
    assert [run.rows for run in archive.list_runs(settings(database), nobody).runs] == [3, 1]
    runs.execute(BACK)
    assert sum(one.restored for one in restore(database).relations) == 3
    assert purge(database, 0.0).purged == {2: 1}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["archive", "list", "--older-than", "rubbish"], "--older-than has no effect here"),
     (["archive", "list", "--yes"], "--yes has no effect here"),
     (["restore", "1_0"], "'1_0' is not the number of a run"), (["restore", "\u0661"], "is not the number of a run"),
     (["restore", "9" * 30], "is not the number of a run")],
)  # fmt: skip
def test_what_means_nothing_is_refused(
    runs: Connection, command: Command, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    capsys.readouterr()
    assert command(*arguments) == 2
    assert says in capsys.readouterr().err
    assert archived(runs) == 4
