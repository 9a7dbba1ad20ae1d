"""Phases of a deployment: what `-- phase: after` makes wait, what may overtake it, and that the order is no matter."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import console
import pytest
from aftermath import start_runner
from conftest import as_role, clean_environment, query
from console import Outcome, Sqlrail, catalog, put
from waiting import PATIENCE, watching

import sqlrail as library
from sqlrail.errors import MissingPrerequisite, Refused, SettingsError
from sqlrail.server import local
from sqlrail.verbs import drift, overtaking

sqlrail = console.sqlrail

AFTER = "-- phase: after\n"
FILES = {
    "001_users": "CREATE TABLE users (id bigint PRIMARY KEY, legacy text, mail text);",
    "002_legacy": f"-- The code of release 7 reads it.\n{AFTER}ALTER TABLE users DROP COLUMN legacy;",
    "003_orders": "CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint);",
}
#: what test_what_ends_otherwise has in the other order
DIFFERENT = [
    "public.more table: the database lacks it",
    "public.users mail default: files say ''::text, database says 'none'::text",
]
LOG = "SELECT migration_id FROM _yoyo_log WHERE operation LIKE 'apply%' ORDER BY created_at_utc"
DATABASES = "SELECT count(*) FROM pg_database WHERE datname ~ '^sqlrail_scratch'"


class Release:
    """A folder of migrations, the command line over it, and a database."""

    def __init__(self, url: str, sqlrail: Sqlrail) -> None:
        self.url, self._sqlrail = url, sqlrail

    def has(self, **files: str | None) -> None:
        put({f"migrations/{name}.sql": text for name, text in files.items() if text is not None})
        for name in [name for name, text in files.items() if text is None]:
            Path(f"migrations/{name}.sql").unlink()

    def __call__(self, *words: str, **env: str) -> Outcome:
        return self._sqlrail(*words, env={"DATABASE_URL": self.url, "USER": "ann", "APP_ENV": "test", **env})

    def json(self, *words: str) -> dict[str, Any]:
        outcome = self(*words, "--json")
        assert outcome.code == 0, outcome.err
        return outcome.document

    def applied(self, *words: str) -> list[str]:
        return [done["id"] for done in self.json(*words)["applied"]]

    def refused(self, *words: str) -> str:
        """What is said of a run that is refused, and has changed nothing."""
        before = self.everything()
        outcome = self(*words)
        assert (outcome.code, outcome.out) == (3, ""), outcome.err
        assert self.everything() == before
        return outcome.err

    def everything(self) -> tuple[object, ...]:
        return catalog(self.url), self.log(), query(self.url, DATABASES)

    def log(self) -> list[str]:
        if query(self.url, "SELECT to_regclass('_yoyo_log')") == [(None,)]:
            return []
        return [id_ for (id_,) in query(self.url, LOG)]

    def states(self) -> dict[str, tuple[str, str | None]]:
        return {it["id"]: (it["state"], it["phase"]) for it in self.json("status")["migrations"]}


@pytest.fixture
def release(database: str, sqlrail: Sqlrail) -> Release:
    made = Release(database, sqlrail)
    made.has(**FILES)
    return made


@pytest.fixture
def waiting(release: Release) -> Release:
    """The same where the files of the phase before are applied."""
    assert release.applied("migrate", "--phase", "before") == ["001_users", "003_orders"]
    return release


def plain_yoyo(url: str, verb: str) -> None:
    uri = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)
    words = ["-m", "yoyo", verb, "--batch", "--no-config-file", "--database", uri, "migrations"]
    subprocess.run([sys.executable, *words], check=True, capture_output=True, env=clean_environment())


@pytest.fixture
def unrehearsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rehearsal would fail."""
    monkeypatch.setattr(overtaking, "build_schema", None)


# What a run takes


def test_without_a_phase_all_is_applied_in_its_order(release: Release, unrehearsed: None) -> None:
    del unrehearsed
    assert release.applied("migrate") == [*FILES]
    assert release.states() == {
        "001_users": ("applied", "before"), "002_legacy": ("applied", "after"), "003_orders": ("applied", "before"),
    }  # fmt: skip


def test_before_leaves_what_waits_and_after_applies_it(release: Release) -> None:
    first = release("migrate", "--phase", "before")
    assert first.code == 0
    assert first.err.splitlines() == [
        "003_orders may overtake 002_legacy: both orders end in the same schema",
        "waiting for `migrate --phase after`: 002_legacy",
    ]
    assert first.out.endswith("done: 2 applied now, 0 before, 1 still pending\n")
    again = release.json("migrate", "--phase", "before")
    assert (again["applied"], again["waiting"], again["pending"], again["already_applied"]) == (
        [], ["002_legacy"], 1, 2,
    )  # fmt: skip
    last = release.json("migrate", "--phase", "after")
    assert ([it["id"] for it in last["applied"]], last["waiting"], last["pending"]) == (["002_legacy"], [], 0)
    assert release.log() == ["001_users", "003_orders", "002_legacy"]
    assert query(release.url, DATABASES) == [(0,)]


@pytest.mark.parametrize("words", [["migrate"], ["migrate", "--phase", "after"]], ids=" ".join)
def test_what_was_overtaken_is_not_late(waiting: Release, unrehearsed: None, words: list[str]) -> None:
    del unrehearsed
    assert waiting.applied(*words) == ["002_legacy"]
    assert waiting("status", "--check").code == 0
    assert waiting("drift", "--check").code == 0


def test_status_says_what_waits_and_check_may_pass_over_it(waiting: Release) -> None:
    assert waiting.states() == {
        "001_users": ("applied", "before"), "002_legacy": ("pending", "after"), "003_orders": ("applied", "before"),
    }  # fmt: skip
    shown = waiting("status")
    assert "pending, phase after" in shown.out
    assert waiting.json("status")["problems"] == []
    checks = [(), ("--phase", "before"), ("--phase", "after")]
    assert [waiting("status", "--check", *more).code for more in checks] == [4, 0, 4]
    waiting.has(**{"004_new": "CREATE TABLE new ();"})
    assert [waiting("status", "--check", *more).code for more in checks] == [4, 4, 4]
    idle = waiting("status", "--phase", "before")
    assert (idle.code, "--phase has no effect here" in idle.err) == (2, True)


def test_after_leaves_what_comes_behind_to_a_later_deployment(release: Release, unrehearsed: None) -> None:
    del unrehearsed
    assert release.applied("migrate", "--to", "1") == ["001_users"]
    done = release.json("migrate", "--phase", "after")
    assert ([it["id"] for it in done["applied"]], done["pending"]) == (["002_legacy"], 1)
    assert release("status", "--check", "--phase", "after").code == 0
    assert release.applied("migrate", "--phase", "before") == ["003_orders"]


def test_after_is_refused_while_a_file_in_front_is_not_applied(release: Release) -> None:
    release.has(**{"004_mail": f"{AFTER}ALTER TABLE users DROP mail;"})
    said = release.refused("migrate", "--phase", "after")
    assert said.endswith(
        "002_legacy, 004_mail cannot be applied yet, for 001_users comes first, and is not applied: run "
        "`migrate --phase before`, and then this again. Nothing was changed.\n"
    )


def test_to_ends_a_phase_too(release: Release, unrehearsed: None) -> None:
    del unrehearsed
    assert release.applied("migrate", "--phase", "before", "--to", "2") == ["001_users"]
    assert release.json("migrate", "--phase", "before", "--to", "1")["waiting"] == []


def test_a_draft_waits_for_nobody(release: Release, unrehearsed: None) -> None:
    """It is left out, whatever its phase."""
    del unrehearsed
    made = release.json("new", "mail goes", "--phase", "after")
    text = Path(made["path"]).read_text()
    assert "-- depends: 003_orders\n-- phase: after\n" in text
    assert release.applied("migrate", "--to", "1") == ["001_users"]
    assert release.applied("migrate", "--phase", "after") == ["002_legacy"]
    assert release.json("migrate", "--phase", "before")["waiting"] == []


def test_a_new_file_does_not_depend_on_one_that_waits(release: Release) -> None:
    release.has(**{"004_mail": f"{AFTER}ALTER TABLE users DROP mail;"})
    made = [release.json("new", "more", *more) for more in ((), ("--phase", "after"))]
    depends = [re.findall("(?m)^-- depends: (.*)$", Path(it["path"]).read_text()) for it in made]
    assert depends == [["003_orders"], ["005_more"]]


# What overtakes


def test_what_ends_otherwise_in_the_other_order_is_refused(waiting: Release) -> None:
    waiting.has(
        **{
            "004_mail": f"{AFTER}ALTER TABLE users ALTER mail SET DEFAULT 'none'; DROP TABLE IF EXISTS more;",
            "005_mail": "ALTER TABLE users ALTER mail SET DEFAULT ''; CREATE TABLE more (id int);",
        }
    )
    said = waiting.refused("migrate", "--phase", "before")
    first, *lines, last = said.splitlines()
    assert first == (
        "005_mail would overtake 002_legacy, 004_mail, which say `-- phase: after` and wait, and the database would "
        "not become what the files build:"
    )
    assert [line.strip() for line in lines] == DIFFERENT
    assert last.endswith(
        "When the release that is running is gone, `migrate --phase after` applies 002_legacy, 004_mail, and nothing "
        "is overtaken any more. Nothing was changed."
    )
    error = waiting("migrate", "--phase", "before", "--json").error
    assert (error["kind"], error["applied"]) == ("refused", [])
    assert error["differences"] == DIFFERENT
    assert waiting("plan", "--phase", "before").code == 3
    assert waiting.applied("migrate", "--phase", "after") == ["002_legacy", "004_mail"]
    assert waiting.applied("migrate", "--phase", "before") == ["005_mail"]
    assert waiting("drift", "--check").code == 0


def test_privileges_are_compared_too(waiting: Release) -> None:
    waiting.has(
        **{
            "004_grant": f"{AFTER}GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;",
            "005_more": "CREATE TABLE more (id int);",
        }
    )
    said = waiting.refused("migrate", "--phase", "before")
    assert "  public.more privilege SELECT for PUBLIC: the files do not build it\n" in said


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"004_made": f"{AFTER}CREATE TABLE made (id int);", "005_use": "ALTER TABLE made ADD n int;"},
         'in that order they do not build: migrations/005_use.sql:1:13: relation "made" does not exist'),
        ({"004_made": f"{AFTER}ALTER TABLE orders ADD n int;", "005_use": "ALTER TABLE orders RENAME TO bought;"},
         'in that order they do not build: migrations/004_made.sql:2:1: relation "orders" does not exist'),
        ({"004_made": f"{AFTER}ALTER TABLE nothing ADD n int;", "005_use": "CREATE TABLE more ();"},
         'the files do not build by their numbers: migrations/004_made.sql:2:1: relation "nothing" does not exist'),
    ],
    ids=["the one before", "the one behind", "anyway"],
)  # fmt: skip
def test_what_does_not_run_in_the_other_order_is_refused(
    files: dict[str, str], says: str, waiting: Release
) -> None:
    waiting.has(**files)
    assert says.partition(": migrations")[0] in waiting.refused("migrate", "--phase", "before")


def test_what_depends_on_one_that_waits_is_refused_with_its_line(waiting: Release, unrehearsed: None) -> None:
    del unrehearsed
    waiting.has(
        **{"004_use": "-- Uses it.\n-- depends: 001_users\n-- depends: 003_orders 002_legacy\nSELECT 1;"}
    )
    said = waiting.refused("migrate", "--phase", "before")
    assert (
        "migrations/004_use.sql:3:1: it depends on 002_legacy, which says `-- phase: after` and waits" in said
    )
    assert waiting.applied("migrate", "--phase", "after") == ["002_legacy"]
    assert waiting.applied("migrate", "--phase", "before") == ["004_use"]


def test_a_later_file_may_overtake_what_was_overtaken_before(waiting: Release) -> None:
    waiting.has(**{"004_more": "ALTER TABLE users ADD more text;"})
    assert waiting.applied("migrate", "--phase", "before") == ["004_more"]
    assert waiting.applied("migrate", "--phase", "after") == ["002_legacy"]
    assert waiting("drift", "--check").code == 0


def test_an_after_file_behind_an_applied_one_is_late(waiting: Release) -> None:
    waiting.has(**{"004_mail": f"{AFTER}ALTER TABLE users DROP mail;"})
    assert waiting.applied("migrate") == ["002_legacy", "004_mail"]
    waiting.has(**{"003_late": f"{AFTER}SELECT 1;"})
    assert "003_late.sql: it is new, and comes before 004_mail" in waiting.refused(
        "migrate", "--phase", "after"
    )


def test_where_a_newer_release_was_here_one_that_waits_is_not_late(waiting: Release) -> None:
    waiting.has(**{"004_mail": f"{AFTER}ALTER TABLE users DROP mail;"})
    assert waiting.applied("migrate") == ["002_legacy", "004_mail"]
    waiting.has(**{"003_late": f"{AFTER}SELECT 1;"})
    assert waiting.applied("migrate", "--phase", "before", "--allow-late") == []
    waiting.has(**{"005_newer": "ALTER TABLE users ADD newer text;"})
    assert waiting.applied("migrate", "--phase", "before", "--allow-late") == ["005_newer"]
    waiting.has(**{"005_newer": None})
    assert waiting.applied("migrate") == []


@pytest.mark.parametrize("words", [(), ("--scratch", "embedded")], ids=["beside", "embedded"])
def test_where_nothing_can_be_rehearsed_it_says_what_to_do(
    release: Release, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    def none() -> Path:
        raise MissingPrerequisite("No PostgreSQL server is installed here.")

    monkeypatch.setattr(local, "find_binaries", none)
    assert release.applied("migrate", "--to", "1") == ["001_users"]
    query(
        release.url,
        "GRANT ALL ON SCHEMA public TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC",
    )
    release.url = as_role(release.url)
    error = release("migrate", "--phase", "before", *words, "--json").error
    assert (error["kind"], error["exit_code"]) == ("no_scratch", 3)
    assert error["message"].startswith(
        "003_orders would overtake 002_legacy, which says `-- phase: after` and waits. Both orders have to be "
        "rehearsed. "
    )
    assert (
        "Name a server on which a scratch database can be made with --scratch. When the" in error["message"]
    )


def test_plain_yoyo_reads_and_goes_on(waiting: Release) -> None:
    plain_yoyo(waiting.url, "list")
    plain_yoyo(waiting.url, "apply")
    assert waiting.log() == ["001_users", "003_orders", "002_legacy"]
    assert waiting("status", "--check").code == 0


def test_hostile_names(release: Release) -> None:
    odd, after = '004_a"b %s {x} ; --\x1b[31m', "003_z'; DROP \x1b[31m%"
    column = '"a""b.c%s \x1b[31m{x}"'
    release.has(**{"003_orders": None})
    release.has(
        **{
            after: f"{AFTER}ALTER TABLE users ALTER {column} SET DEFAULT 'one';",
            "001_users": f"CREATE TABLE users (id bigint PRIMARY KEY, legacy text, {column} text);",
            odd: f"ALTER TABLE users ALTER {column} SET DEFAULT 'two';",
        }
    )
    said = release.refused("migrate", "--phase", "before")
    assert (
        "004_a\"b %s {x} ; --\\x1b[31m would overtake 002_legacy, 003_z'; DROP \\x1b[31m%, which say" in said
    )
    assert "\x1b" not in said
    assert "Nothing is applied here, so no release is running: plain `migrate` applies all" in said
    release.has(**{odd: f'ALTER TABLE users ADD {column[:-1]}b" text;'})
    done = release("migrate", "--phase", "before")
    assert (done.code, "\x1b" in done.out + done.err) == (0, False)
    assert "\x1b" not in release("status").out
    assert release.json("migrate", "--phase", "before")["waiting"] == ["002_legacy", after]


def test_a_runner_that_is_killed_leaves_a_phase_that_goes_on(release: Release, server: local.Server) -> None:
    release.has(**{"004_slow": "CREATE TABLE slow (id int);\nSELECT pg_sleep(60) FROM users;"})
    release.has(**{"005_more": "CREATE TABLE more (id int);"})
    assert release.applied("migrate", "--to", "1") == ["001_users"]
    query(release.url, "INSERT INTO users VALUES (1)")
    with watching(server, release.url) as watch:
        runner = start_runner(release.url, "migrate", "--phase", "before", cwd=Path.cwd())
        try:
            watch.wait_until_there("wait_event = 'PgSleep'")
        finally:
            runner.kill()
            runner.communicate(timeout=PATIENCE)
        watch.wait_until_gone(seconds=10)
    assert release.log() == ["001_users", "003_orders"]
    assert release.states()["002_legacy"] == ("pending", "after")
    query(release.url, "DELETE FROM users")
    assert release.applied("migrate", "--phase", "before") == ["004_slow", "005_more"]
    assert release.applied("migrate", "--phase", "after") == ["002_legacy"]


# An older release


@pytest.fixture
def rolled_back(waiting: Release) -> Release:
    """The older folder, in which a file waits, where a newer release has been; the log of that is as it was."""
    waiting.has(**{"004_more": "CREATE TABLE more (id int);"})
    assert waiting.applied("migrate", "--phase", "before") == ["004_more"]
    waiting.has(**{"004_more": None})
    return waiting


@pytest.mark.parametrize("phase", [(), ("--phase", "before"), ("--phase", "after")], ids=" ".join)
def test_an_older_release_with_a_file_that_waits_starts(rolled_back: Release, phase: tuple[str, ...]) -> None:
    before = rolled_back.everything()
    done = rolled_back("migrate", *phase, "--json")
    assert done.code == 0
    assert done.err == (
        "the database is ahead of this folder by 004_more: a newer release has been here, and there is nothing to "
        "apply; its `migrate --phase after` does 002_legacy\n"
    )
    told = done.document
    assert (told["ahead"], told["waiting"], told["applied"], told["pending"]) == (
        ["004_more"],
        ["002_legacy"],
        [],
        1,
    )
    assert rolled_back.states()["002_legacy"] == ("pending", "after")
    assert rolled_back.states()["004_more"] == ("ahead", None)
    flags = ("--allow-ahead", "--phase", "before")
    assert [rolled_back("status", "--check", *more).code for more in ((), flags[:1], flags[1:], flags)] == [
        4,
        4,
        4,
        0,
    ]
    assert rolled_back("plan", *phase).code == 0
    assert rolled_back.everything() == before


def test_a_folder_from_before_the_file_that_waits_is_an_older_one(rolled_back: Release) -> None:
    rolled_back.has(**{"002_legacy": None})
    assert rolled_back.json("migrate")["ahead"] == ["004_more"]


def test_a_hole_is_one_whatever_waits(rolled_back: Release) -> None:
    rolled_back.has(**{"005_new": "CREATE TABLE new ();"})
    assert "004_more.sql: it was applied, and is gone" in rolled_back.refused("migrate", "--phase", "before")


def test_what_was_applied_under_another_name_does_not_wait(rolled_back: Release) -> None:
    rolled_back.has(**{"004_more": "CREATE TABLE more (id int);"})
    assert rolled_back.applied("migrate", "--phase", "after") == ["002_legacy"]
    rolled_back.has(**{"004_more": None, "002_legacy": None, "002_other": FILES["002_legacy"]})
    said = rolled_back.refused("migrate", "--phase", "before")
    assert "002_legacy" in said
    assert "002_other" in said


def test_the_newer_release_goes_on(rolled_back: Release) -> None:
    rolled_back.has(**{"004_more": "CREATE TABLE more (id int);"})
    assert rolled_back.applied("migrate", "--phase", "after") == ["002_legacy"]


# What other verbs say


def test_rollback_takes_back_by_the_numbers(waiting: Release) -> None:
    waiting.has(
        **{
            "001_users.rollback": "DROP TABLE users;",
            "002_legacy.rollback": "ALTER TABLE users ADD legacy text;",
            "003_orders.rollback": "DROP TABLE orders;",
        }
    )
    taken = waiting.json("rollback", "--yes")["rolled_back"]
    assert [it["id"] for it in taken] == ["003_orders"]
    assert waiting.applied("migrate", "--phase", "before") == ["003_orders"]
    assert waiting.applied("migrate", "--phase", "after") == ["002_legacy"]
    taken = waiting.json("rollback", "--yes", "--steps", "3")["rolled_back"]
    assert [it["id"] for it in taken] == ["003_orders", "002_legacy", "001_users"]
    assert waiting.applied("migrate") == [*FILES]


@pytest.mark.parametrize("is_over", [False, True], ids=["waits", "applied later"])
def test_drift_repair_and_renumber_are_content(waiting: Release, is_over: bool) -> None:
    if is_over:
        assert waiting.applied("migrate", "--phase", "after") == ["002_legacy"]
    assert waiting("drift", "--check").code == 0
    assert waiting.json("repair", "--yes")["repaired"] == []
    assert waiting.json("renumber")["renumbered"] == []
    waiting.has(**{"003_orders": f"{FILES['003_orders']} -- edited"})
    assert [it["id"] for it in waiting.json("repair", "--yes")["repaired"]] == ["003_orders"]


def test_a_late_file_is_renumbered_and_the_one_that_waits_is_not(waiting: Release) -> None:
    waiting.has(**{"003_late": "CREATE TABLE late ();"})
    assert "003_late.sql: it is new, and comes before" in waiting.refused("migrate", "--phase", "before")
    renumbered = waiting.json("renumber")["renumbered"]
    assert [(it["was"], it["id"]) for it in renumbered] == [("003_late", "004_late")]
    assert waiting.applied("migrate", "--phase", "before") == ["004_late"]


def test_behind_a_baseline_a_phase_goes_on(release: Release) -> None:
    query(release.url, FILES["001_users"])
    assert release.json("baseline", "--to", "1")["baselined"] == ["001_users"]
    assert release.applied("migrate", "--phase", "before") == ["003_orders"]


def test_plan_is_of_what_the_phase_would_run(waiting: Release) -> None:
    waiting.has(**{"004_more": "CREATE TABLE more (id int);"})
    planned = waiting.json("plan", "--phase", "before")
    assert ([it["id"] for it in planned["files"]], planned["waiting"]) == (["004_more"], ["002_legacy"])
    assert waiting("plan", "--phase", "before").err == (
        "004_more may overtake 002_legacy: both orders end in the same schema\n"
        "waiting for `migrate --phase after`: 002_legacy\n"
    )
    planned = waiting.json("plan", "--phase", "after")
    assert ([(it["id"], it["says_phase"]) for it in planned["files"]], planned["waiting"]) == (
        [("002_legacy", "after")], [],
    )  # fmt: skip
    assert [it["id"] for it in waiting.json("plan")["files"]] == ["002_legacy", "004_more"]


def test_what_breaks_the_running_release_is_said_to_belong_behind(release: Release) -> None:
    assert release.applied("migrate", "--to", "1") == ["001_users"]
    Path("queries.sql").write_text("SELECT legacy FROM users;")
    line = "belongs behind the deployment: `-- phase: after`"
    says = "`migrate --phase after` applies it, once no instance of the running release is left"
    shown = release("plan", "--queries", "queries.sql").out
    assert (line in shown, says in shown) == (False, True)
    release.has(**{"002_legacy": "ALTER TABLE users DROP COLUMN legacy;"})
    shown = release("plan", "--queries", "queries.sql").out
    assert (line in shown, says in shown) == (True, False)
    files = release.json("plan", "--queries", "queries.sql")["files"]
    assert [(it["id"], it["phase"], it["says_phase"]) for it in files] == [
        ("002_legacy", "after", "before"), ("003_orders", "before", "before"),
    ]  # fmt: skip


@pytest.mark.parametrize("verb", ["migrate", "plan", "lint"])
def test_an_unknown_phase_is_one_error_with_its_line(release: Release, verb: str) -> None:
    release.has(**{"004_x": "-- Why.\n-- phase: later\nSELECT 1;"})
    error = release(verb, "--json").error
    assert (error["message"], error["exit_code"]) == (
        "migrations/004_x.sql:2:1: phase: 'later' is neither before nor after.", 2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (
            "post-apply",
            f"{AFTER}SELECT 1;",
            "post-apply.sql:1:1: a file that runs after each migrate is of no phase",
        ),
        ("004_x", f"SELECT 1;\n{AFTER}", "004_x.sql:2:1: a directive counts only at the head of the file"),
        ("004_x", "-- phaze: after\nSELECT 1;", "004_x.sql:1:1: this looks like a directive, but is not one"),
    ],
    ids=["post-apply", "misplaced", "misspelt"],
)
def test_a_phase_that_counts_for_nothing_is_refused(
    release: Release, name: str, text: str, says: str
) -> None:
    release.has(**{name: text})
    failed = release("migrate")
    assert (failed.code, says in failed.err) == (2, True), failed.err


def test_a_phase_is_no_setting_for_later_runs(release: Release) -> None:
    refused = release("migrate", SQLRAIL_PHASE="before")
    assert (refused.code, "SQLRAIL_PHASE is not a setting" in refused.err) == (2, True)
    assert release("migrate", "--phase", "later").code == 2


# With code files and backfills


def test_code_files_run_in_the_phase_before_whatever_waits(waiting: Release) -> None:
    put({"migrations/code/mails.sql": "CREATE VIEW mails AS SELECT id, mail FROM users;"})
    done = waiting.json("migrate", "--phase", "before")
    assert (done["code"], done["code_pending"]) == (["mails"], 0)
    assert waiting("status", "--check", "--phase", "before").code == 0
    put({"migrations/code/mails.sql": "CREATE VIEW mails AS SELECT mail FROM users;"})
    waiting.has(**{"004_more": "CREATE TABLE more (id int);"})
    planned = waiting.json("plan", "--phase", "before")
    assert [it["name"] for it in planned["code"]] == ["mails"]
    assert waiting("status", "--check", "--phase", "before").code == 4
    done = waiting.json("migrate", "--phase", "before", "--to", "3")
    assert (done["code"], done["code_pending"]) == ([], 1)
    done = waiting.json("migrate", "--phase", "before")
    assert ([it["id"] for it in done["applied"]], done["code"]) == (["004_more"], ["mails"])
    assert waiting.applied("migrate", "--phase", "after") == ["002_legacy"]
    assert waiting("drift", "--check").code == 0


FILL = """\
-- backfill: users by id
UPDATE users SET mail = 'none' FROM sqlrail_batch AS b WHERE users.id = b.id AND users.mail IS NULL;
"""


def test_backfills_that_were_left_keep_to_their_phase(waiting: Release) -> None:
    waiting.has(
        **{
            "004_fill": FILL,
            "005_mail": f"{AFTER}-- depends: 004_fill\nALTER TABLE users ALTER mail SET NOT NULL;",
            "006_more": "CREATE TABLE more (id int);",
        }
    )
    done = waiting.json("migrate", "--phase", "before", "--skip-backfills")
    assert [it["id"] for it in done["applied"]] == ["006_more"]
    assert (done["left"], done["waiting"], done["pending"]) == (["004_fill", "005_mail"], ["002_legacy"], 3)
    checks = [("--phase", "before"), ("--phase", "before", "--skip-backfills")]
    assert [waiting("status", "--check", *more).code for more in checks] == [4, 0]
    assert waiting.applied("backfill") == []  # 002_legacy comes first, and has not been applied
    assert waiting.applied("backfill", "--phase", "before") == ["004_fill"]
    assert waiting.applied("migrate", "--phase", "after") == ["002_legacy", "005_mail"]
    assert waiting("status", "--check").code == 0


# Many tenants, and applications


NAMES = ("acme", 'a"b c.d%s', "globex")


@pytest.fixture
def rehearsals(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was built, each time."""
    built, build = list[str](), drift.build_schema

    def counting(settings: Any, listener: Any, migrations: Any, files: Any) -> Any:
        built.append(" ".join(migration.id[:3] for migration in migrations))
        return build(settings, listener, migrations, files)

    monkeypatch.setattr(overtaking, "build_schema", counting)
    return built


BOTH = ["001 002 003", "001 003 002"]


def test_schemas_at_one_version_are_rehearsed_once(release: Release, rehearsals: list[str]) -> None:
    for name in NAMES:
        quoted = name.replace('"', '""')
        query(release.url, f'CREATE SCHEMA "{quoted}"')
    each = ("--each", "SELECT nspname FROM pg_namespace WHERE nspname ~ '^(a|globex)'", "--parallel", "2")
    planned = release.json("plan", "--phase", "before", *each)
    assert planned["totals"]["done"] == 3
    assert rehearsals == BOTH
    done = release.json("migrate", "--phase", "before", *each)
    assert [it["result"]["waiting"] for it in done["tenants"]] == [["002_legacy"]] * 3
    assert rehearsals == BOTH * 2
    again = release.json("migrate", "--phase", "before", *each)
    assert [it["result"]["applied"] for it in again["tenants"]] == [[]] * 3
    assert [release("status", "--check", *more, *each).code for more in ((), ("--phase", "before"))] == [4, 0]
    release.has(**{"004_mail": "ALTER TABLE users DROP legacy;"})
    refused = release("migrate", "--phase", "before", *each, "--json")
    assert refused.code == 3
    messages = {it["error"]["message"] for it in refused.document["tenants"]}
    assert len(messages) == 1
    assert "sqlrail_any_tenant" not in messages.pop()
    release.has(**{"004_mail": None})
    done = release.json("migrate", "--phase", "after", *each)
    assert [it["result"]["pending"] for it in done["tenants"]] == [0] * 3
    assert rehearsals == [*BOTH, *BOTH, "001 002 003 004"]  # which does not build


def test_databases_at_one_version_are_rehearsed_once(
    release: Release, server: local.Server, rehearsals: list[str]
) -> None:
    other = f"{release.url.rpartition('/')[2].partition('?')[0]}_other"
    query(server.url, f"CREATE DATABASE {other}")
    try:
        name = release.url.rpartition("/")[2].partition("?")[0]
        Path("urls").write_text(f"{release.url}\n{release.url.replace(name, other)}\n")
        done = release.json("migrate", "--phase", "before", "--each-database", "urls")
        assert [it["result"]["waiting"] for it in done["tenants"]] == [["002_legacy"]] * 2
        assert rehearsals == BOTH
    finally:
        query(server.url, f"DROP DATABASE {other} WITH (FORCE)")


def test_a_new_tenant_may_have_the_phase_before_alone(release: Release) -> None:
    added = release.json("tenant", "add", "newt", "--phase", "before")
    assert ([it["id"] for it in added["applied"]], added["waiting"]) == (
        ["001_users", "003_orders"],
        ["002_legacy"],
    )


def test_an_application_migrates_a_phase(release: Release) -> None:
    said = list[str]()
    done = library.migrate(release.url, "migrations", phase="before", say=said.append)
    assert ([it["id"] for it in done["applied"]], done["waiting"]) == (
        ["001_users", "003_orders"],
        ["002_legacy"],
    )
    assert said[-1] == "waiting for `migrate --phase after`: 002_legacy"
    entries = library.status(release.url, "migrations")["migrations"]
    assert [(it["state"], it["phase"]) for it in entries][1] == ("pending", "after")
    assert [it["id"] for it in library.plan(release.url, "migrations", phase="after")["files"]] == [
        "002_legacy"
    ]
    release.has(**{"004_users": "ALTER TABLE users DROP legacy;"})
    with pytest.raises(Refused, match="004_users would overtake 002_legacy"):
        library.migrate(release.url, "migrations", phase="before")
    with pytest.raises(SettingsError, match="phase is 'later': give one of before, after"):
        library.migrate(release.url, "migrations", phase="later")  # type: ignore[arg-type]


def test_an_application_with_many_tenants_does_too(release: Release, rehearsals: list[str]) -> None:
    query(release.url, "CREATE SCHEMA acme; CREATE SCHEMA globex")
    tenants = library.each(release.url, "migrations", schemas=["acme", "globex"])
    assert tenants.migrate(phase="before")["totals"]["done"] == 2
    assert rehearsals == BOTH
    assert tenants.plan(phase="after")["totals"]["done"] == 2
    done: Any = tenants.migrate(phase="after")["tenants"]
    assert [[it["id"] for it in one["result"]["applied"]] for one in done] == [["002_legacy"]] * 2
    with pytest.raises(SettingsError, match="phase is 'later'"):
        tenants.backfill(phase="later")  # type: ignore[arg-type]
