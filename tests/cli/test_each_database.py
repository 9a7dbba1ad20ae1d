"""`--each-database`: a verb for each of many databases, whose URLs are in a file."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Connect, clean_environment, fresh_database, query
from console import Sqlrail, put
from console import sqlrail as sqlrail
from servers import own_server
from waiting import wait_for, wait_until_blocked

from sqlrail.cli import each
from sqlrail.ground.settings import Settings
from sqlrail.server import local
from sqlrail.tenants.limits import Limits
from sqlrail.tenants.round import Round
from sqlrail.tenants.tenant import Done
from sqlrail.verbs import plan as verbs_plan

FILES = {
    "migrations/001_users.sql": "CREATE TABLE users (id bigint PRIMARY KEY);\n",
    "migrations/002_orders.sql": "CREATE TABLE orders (id bigint PRIMARY KEY);\n",
}
ID = "SELECT migration_id FROM _yoyo_migration ORDER BY 1"


@pytest.fixture
def databases(server: local.Server, tmp_path: Path) -> Iterator[list[str]]:
    """Four, whose URLs are in the file tenants.txt."""
    with ExitStack() as cleanup:
        urls = [cleanup.enter_context(fresh_database(server)) for _ in range(4)]
        put({"tenants.txt": "# all of them\n\n" + "".join(f"{url}\n" for url in urls), **FILES}, tmp_path)
        yield urls


def applied(url: str) -> list[str]:
    return [id_ for (id_,) in query(url, ID)]


def has_records(url: str) -> bool:
    return query(url, "SELECT to_regclass('_yoyo_migration')") != [(None,)]


def name_of(url: str) -> str:
    """The database's own name, with which a tenant's ends."""
    return url.partition("?")[0].rpartition("/")[2]


def test_all_are_migrated_and_looked_at(sqlrail: Sqlrail, databases: list[str]) -> None:
    done = sqlrail("migrate", "--each-database", "tenants.txt")
    assert (done.code, done.out) == (0, "4 at 002\n4 tenants: 4 done\n")
    assert [applied(url) for url in databases] == [["001_users", "002_orders"]] * 4
    seen = sqlrail("status", "--each-database", "tenants.txt", "--check")
    assert (seen.code, seen.out) == (0, "4 at 002\n4 tenants: 4 done\n")


def test_one_that_is_poisoned_stays_at_its_last_whole_file(sqlrail: Sqlrail, databases: list[str]) -> None:
    query(databases[1], "CREATE TABLE orders (id bigint)")
    done = sqlrail("migrate", "--each-database", "tenants.txt")
    assert done.code == 1
    poisoned = name_of(databases[1])
    assert "3 at 002, 1 at 001 (" in done.out
    assert "4 tenants: 3 done, 1 failed" in done.out
    (line,) = [line for line in done.out.splitlines() if "already exists" in line]
    assert poisoned in line
    (said,) = [line for line in done.err.splitlines() if "already exists" in line]
    assert poisoned in said
    assert [len(applied(url)) for url in databases] == [2, 1, 2, 2]
    query(databases[1], "DROP TABLE orders")
    assert sqlrail("migrate", "--each-database", "tenants.txt").code == 0
    assert applied(databases[1]) == ["001_users", "002_orders"]


def test_what_scripts_get(sqlrail: Sqlrail, databases: list[str]) -> None:
    query(databases[1], "CREATE TABLE orders (id bigint)")
    document = sqlrail("migrate", "--each-database", "tenants.txt", "--json").document
    names = [tenant["name"] for tenant in document["tenants"]]
    assert [name.rpartition("/")[2] for name in names] == [name_of(url) for url in databases]
    assert [tenant["exit_code"] for tenant in document["tenants"]] == [0, 1, 0, 0]
    good, bad = document["tenants"][0], document["tenants"][1]
    assert [one["id"] for one in good["result"]["applied"]] == ["001_users", "002_orders"]
    assert good["target"]["database"] == name_of(databases[0])
    assert (bad["error"]["kind"], bad["error"]["applied"]) == ("migration_failed", ["001_users"])
    assert document["versions"] == {
        "002_orders": [name for name in names if name != names[1]], "001_users": [names[1]]
    }  # fmt: skip
    assert document["totals"] == {
        "all": 4, "done": 3, "failed": 1, "refused": 0, "with_findings": 0, "without_turn": 0
    }  # fmt: skip
    assert (document["not_begun"], document["held"]) == ([], None)


def test_a_check_says_which_are_behind(sqlrail: Sqlrail, databases: list[str]) -> None:
    put({"ahead.txt": f"{databases[0]}\n"})
    assert sqlrail("migrate", "--each-database", "ahead.txt").code == 0
    seen = sqlrail("status", "--each-database", "tenants.txt", "--check", "--json")
    assert seen.code == 4
    assert [tenant["exit_code"] for tenant in seen.document["tenants"]] == [0, 4, 4, 4]
    assert not has_records(databases[1])


def test_a_refusal_alone_is_three_and_a_failure_beside_it_one(sqlrail: Sqlrail, databases: list[str]) -> None:
    assert sqlrail("migrate", "--each-database", "tenants.txt").code == 0
    query(databases[2], "INSERT INTO _yoyo_migration VALUES ('x', '000_gone', '2000-01-01')")
    refused = sqlrail("migrate", "--each-database", "tenants.txt", "--json")
    assert refused.code == 3
    assert [tenant["exit_code"] for tenant in refused.document["tenants"]] == [0, 0, 3, 0]
    put({"migrations/003_x.sql": "CREATE TABLE x ();\n"})
    query(databases[0], "CREATE TABLE x ()")
    assert sqlrail("migrate", "--each-database", "tenants.txt").code == 1


def test_the_canary_goes_first_and_keeps_the_others_from_harm(sqlrail: Sqlrail, databases: list[str]) -> None:
    query(databases[2], "CREATE TABLE users (id bigint)")
    done = sqlrail("migrate", "--each-database", "tenants.txt", "--canary", name_of(databases[2]))
    assert done.code == 1
    assert "4 tenants: 0 done, 1 failed, 3 not begun" in done.out
    assert not any(has_records(url) for url in (databases[0], databases[1], databases[3]))


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("", "tenants.txt names no database"),
        ("# nothing\n\n", "tenants.txt names no database"),
        ("{url}\nmysql://root:hunter2%21@db/x\n", "tenants.txt:2 must begin with postgresql://"),
        ("{url}\n\n# again\n{url}\n", "tenants.txt:4 names"),
        ("{url}&port=x\n", "port in tenants.txt:1"),
        ("postgresql://a:p@ss@db/x\n", "tenants.txt:1 has an @ too many"),
        (b"\xff\xfe\n", "is not UTF-8"),
        ("{url}\npostgresql://db\0.example/x\n", "tenants.txt:2 has a NUL"),
    ],
    ids=["empty", "comments", "mysql", "twice", "port", "at", "binary", "nul"],
)
def test_what_cannot_start_is_two_and_has_begun_nothing(
    sqlrail: Sqlrail, databases: list[str], lines: str | bytes, problem: str
) -> None:
    put({"tenants.txt": lines if isinstance(lines, bytes) else lines.replace("{url}", databases[0])})
    done = sqlrail("migrate", "--each-database", "tenants.txt")
    assert (done.code, done.out) == (2, "")
    assert problem in done.err
    assert "hunter2" not in done.err
    assert "p@ss" not in done.err
    assert not has_records(databases[0])


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--each-database", "nowhere.txt"), "nowhere.txt cannot be read"),
        (("--each-database", "."), "cannot be read"),
        (("--each-database", "tenants.txt", "--canary", "nobody"), "--canary is 'nobody'"),
        (("--each-database", "tenants.txt", "--parallel", "0"), "'0' is not a whole number from 1 on"),
        (("--each-database", "tenants.txt", "--waves", "1,x"), "'x' is not a whole number"),
        (("--each-database", "tenants.txt", "--schema-file", "s.sql"), "--schema-file has no effect here"),
        (("--each-database", "tenants.txt", "--database-url", "postgresql://x"), "--database-url has no effect"),
        (("--parallel", "3"), "--parallel has no effect here"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_two(
    sqlrail: Sqlrail, databases: list[str], words: Sequence[str], problem: str
) -> None:
    done = sqlrail("migrate", *words)
    assert (done.code, done.out) == (2, "")
    assert problem in done.err
    assert not has_records(databases[0])


def otherwise(url: str) -> str:
    """The same database by another spelling of its host."""
    assert "&port=" in url
    return url.replace("&port=", "%2F.&port=")


@pytest.mark.parametrize("verb", ["migrate", "plan", "status", "doctor", "drift"])
def test_a_database_that_is_spelled_in_two_ways_has_one_turn(
    sqlrail: Sqlrail, databases: list[str], verb: str
) -> None:
    put({"tenants.txt": f"{databases[0]}\n# again\n{otherwise(databases[0])}\n{databases[1]}\n"})
    done = sqlrail(verb, "--each-database", "tenants.txt", "--json", "--parallel", "3")
    assert done.code == 1
    codes = {tenant["name"]: tenant["exit_code"] for tenant in done.document["tenants"]}
    assert sorted(codes.values()) == [0, 0, 2]
    assert codes[next(name for name in codes if name.endswith(name_of(databases[1])))] == 0
    (error,) = [tenant["error"] for tenant in done.document["tenants"] if "error" in tenant]
    assert "is the same database as" in error["message"]
    for line in ("(tenants.txt:1)", "(tenants.txt:3)"):
        assert line in error["message"]
    if verb == "migrate":
        entries = query(databases[0], "SELECT migration_id FROM _yoyo_log ORDER BY 1")
        assert entries == [("001_users",), ("002_orders",)]


def test_a_role_without_any_right_is_told_of_the_second_spelling_too(
    sqlrail: Sqlrail, databases: list[str], connect: Connect
) -> None:
    role = f"nobody_{name_of(databases[0])}"
    with connect(databases[0]) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN".encode())
        try:
            url = databases[0].replace("postgres@", f"{role}@")
            put({"tenants.txt": f"{url}\n{otherwise(url)}\n"})
            done = sqlrail("status", "--each-database", "tenants.txt")
        finally:
            admin.execute(f"DROP ROLE {role}".encode())
    assert done.code == 1
    assert "2 tenants: 1 done, 1 failed" in done.out
    assert "is the same database as" in done.out


def test_who_cannot_be_reached_is_told_which_line_to_look_at(sqlrail: Sqlrail, databases: list[str]) -> None:
    secret = "-".join(("Zu", "geheim", "9x"))
    nowhere = databases[1].replace(name_of(databases[1]), "no_such_database")
    nobody = databases[2].replace("postgres@", f"no_such_role:{secret}@")
    put({"tenants.txt": f"{databases[0]}\n{nowhere}\n{nobody}\n"})
    done = sqlrail("status", "--each-database", "tenants.txt")
    assert done.code == 1
    assert "Check the name in tenants.txt:2" in done.err
    assert "Check the user in tenants.txt:3" in done.err
    assert "DATABASE_URL" not in done.err + done.out
    assert secret not in done.err + done.out


def test_urls_may_come_through_a_pipe_and_no_password_is_shown(databases: list[str]) -> None:
    secret = "-".join(("Zu", "geheim", "9x"))
    url = databases[0].replace("postgres@", f"postgres:{secret}@")
    assert secret in url or "@" not in databases[0]
    lines = f"{url}\npostgresql://app:{secret}@127.0.0.1:1/none\n"
    done = subprocess.run(
        [sys.executable, ROOT / "runner.py", "migrate", "--each-database", "-", "--json"],
        input=lines, capture_output=True, text=True, check=False, env=clean_environment(),
    )  # fmt: skip
    assert done.returncode == 1
    assert secret not in done.stdout + done.stderr
    one, other = json.loads(done.stdout)["tenants"]
    assert one["exit_code"] == 0
    assert (other["name"], other["error"]["kind"]) == ("127.0.0.1:1/none", "connection_failed")


def test_who_gives_way_shows_no_password(sqlrail: Sqlrail, databases: list[str], connect: Connect) -> None:
    secret = "-".join(("Zu", "geheim", "9x"))
    assert sqlrail("migrate", "--each-database", "tenants.txt").code == 0
    url = databases[0].replace("postgres@", f"postgres:{secret}@")
    put({"tenants.txt": f"{url}\n", "migrations/003_x.sql": "ALTER TABLE orders ADD note text;\n"})
    with connect(databases[0]) as other:
        other.execute("SELECT set_config('application_name', %s, false)", [secret])
        other.execute("BEGIN; LOCK TABLE orders")
        waits = ("--lock-timeout", "0.5s", "--retry-for", "1s")
        done = sqlrail("migrate", "--each-database", "tenants.txt", *waits)
    assert done.code == 1
    assert "gave way, and has its turn again" in done.err
    assert "***" in done.err
    assert secret not in done.out + done.err


@pytest.mark.usefixtures("databases")
def test_the_same_error_of_all_is_told_once(sqlrail: Sqlrail) -> None:
    done = sqlrail("cleanup", "--each-database", "tenants.txt", "--relation", "nonsense")
    assert done.code == 2
    assert done.err.count("'nonsense' is not of the form") == 1
    assert "4 tenants: 0 done, 4 failed" in done.out


@pytest.mark.usefixtures("databases")
def test_what_many_say_is_said_once_and_counted(sqlrail: Sqlrail) -> None:
    put({"migrations/003_x.sql": "DO $$BEGIN RAISE WARNING 'look at this'; END$$;\n"})
    done = sqlrail("migrate", "--each-database", "tenants.txt")
    assert done.code == 0
    said = [line for line in done.err.splitlines() if "look at this" in line]
    assert len(said) == 2
    assert said[1] == "of 4 tenants: warning: look at this"


@pytest.mark.promise
def test_with_fewer_connections_than_parallel_all_are_done(tmp_path: Path) -> None:
    with own_server(
        {"max_connections": "8", "superuser_reserved_connections": "3", "fsync": "off"}
    ) as server:
        names = [f"t{number}" for number in range(20)]
        urls = [server.url.replace("/app?", f"/{name}?") for name in names]
        for name in names:
            query(server.url, f"CREATE DATABASE {name}")
        query(server.url, "CREATE ROLE plain LOGIN SUPERUSER")
        put({"tenants.txt": "\n".join(urls), **FILES}, tmp_path)
        done = subprocess.run(
            [sys.executable, ROOT / "runner.py", "migrate", "--each-database", "tenants.txt", "--parallel", "16"],
            capture_output=True, text=True, check=False, env=clean_environment(), cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "20 tenants: 20 done" in done.stdout
        assert [applied(url) for url in urls] == [["001_users", "002_orders"]] * 20


def _in_hand(tmp_path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, ROOT / "runner.py", "migrate", "--each-database", "tenants.txt", "--parallel", "1",
         "--lock-timeout", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment(), cwd=tmp_path,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_behind_the_file_in_hand(
    databases: list[str], tmp_path: Path, connect: Connect, number: signal.Signals
) -> None:
    put(
        {
            # It takes so long that the next file is sent alone, and all is told before that one waits.
            "migrations/002_orders.sql": "SELECT pg_sleep(0.2);\n" + FILES["migrations/002_orders.sql"],
            "migrations/003_x.sql": "ALTER TABLE held ADD x int;\n",
            "migrations/004_y.sql": "CREATE TABLE y ();\n",
        },
        tmp_path,
    )
    for url in databases:
        query(url, "CREATE TABLE held ()")
    other = connect(databases[0], autocommit=False)
    other.execute("LOCK TABLE held")
    run = _in_hand(tmp_path)
    wait_until_blocked(connect(databases[0]))
    run.send_signal(number)
    assert run.stderr
    line = run.stderr.readline()
    while "interrupted" not in line:
        assert line, "it said nothing of the signal"
        line = run.stderr.readline()
    assert run.poll() is None
    other.rollback()
    out, _ = run.communicate(timeout=60)
    assert run.returncode == 128 + number
    assert "3 not begun" in out
    assert applied(databases[0])[:3] == ["001_users", "002_orders", "003_x"]
    assert not any(has_records(url) for url in databases[1:])


def test_a_second_signal_ends_it_at_once(databases: list[str], tmp_path: Path, connect: Connect) -> None:
    put({"migrations/003_x.sql": "ALTER TABLE held ADD x int;\n"}, tmp_path)
    query(databases[0], "CREATE TABLE held ()")
    other = connect(databases[0], autocommit=False)
    other.execute("LOCK TABLE held")
    run = _in_hand(tmp_path)
    wait_until_blocked(connect(databases[0]))
    run.send_signal(signal.SIGINT)
    assert run.stderr
    while "interrupted" not in run.stderr.readline():
        assert run.poll() is None
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "interrupted twice" in out
    waiting = (
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name ~ '^sqlrail'"
    )
    other.rollback()
    wait_for(lambda: not query(databases[0], waiting), "the server has noticed")
    assert applied(databases[0]) == ["001_users", "002_orders"]


def test_a_second_signal_writes_nothing_within_what_the_first_is_writing() -> None:
    round_, said = Round(lambda *_: Done({}), Limits()), list[object]()

    def talk(event: object) -> None:
        said.append(event)
        if len(said) == 1:
            each._stop(round_, signal.SIGINT, talk)  # type: ignore[arg-type]

    each._stop(round_, signal.SIGINT, talk)  # type: ignore[arg-type]
    assert len(said) == 1
    assert round_.signal == signal.SIGINT


def test_a_run_without_the_flag_loads_nothing_of_it(databases: list[str]) -> None:
    code = (
        "import sys; from sqlrail.cli.main import main; code = main(['migrate']);"
        "sys.exit(code or any(name.startswith('sqlrail.tenants') for name in sys.modules))"
    )
    env = {**clean_environment(), "DATABASE_URL": databases[0], "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", code], env=env, check=False, cwd=ROOT).returncode == 0


def test_plan_rehearses_once_for_each_version(
    sqlrail: Sqlrail, databases: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearsed: list[str | None] = []
    plan = verbs_plan.plan

    def counting(settings: Settings, *rest: Any, **how: Any) -> Any:
        rehearsed.append(settings.database_url)
        return plan(settings, *rest, **how)

    monkeypatch.setattr(verbs_plan, "plan", counting)
    put({"ahead.txt": f"{databases[2]}\n"})
    assert sqlrail("migrate", "--each-database", "ahead.txt", "--to", "1").code == 0
    done = sqlrail("plan", "--each-database", "tenants.txt", "--json")
    assert done.code == 0
    tenants = done.document["tenants"]
    files = [[one["id"] for one in tenant["result"]["files"]] for tenant in tenants]
    assert files == [["001_users", "002_orders"]] * 2 + [["002_orders"]] + [["001_users", "002_orders"]]
    assert [tenant.get("like") for tenant in tenants] == [None, tenants[0]["name"], None, tenants[0]["name"]]
    assert {*rehearsed} == {databases[0], databases[2]}
    assert len(rehearsed) == 2
    assert not has_records(databases[0])


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (("drift", "--check"), "no difference to what 2 files build, up to 002_orders"),
        (("doctor", "--check"), "nothing unhealthy"),
        (("cleanup", "--relation", "orders.id -> users.id"), "orders.id -> users.id: no orphans"),
        (("rollback", "--yes"), "done: 1 rolled back, 1 still applied"),
        (("repair", "--yes"), "nothing to repair"),
        (("archive", "list"), "0 rows in the archive"),
        (("archive", "purge", "--older-than", "1d", "--yes"), "nothing to purge"),
        (("plan", "--check"), "nothing to plan: 2 applied, none pending"),
    ],
    ids=lambda it: it[0] if isinstance(it, tuple) else "",
)
def test_what_all_tenants_have_in_common_is_said_once(
    sqlrail: Sqlrail, databases: list[str], words: Sequence[str], out: str
) -> None:
    put({"migrations/002_orders.rollback.sql": "DROP TABLE orders;\n"})
    assert sqlrail("migrate", "--each-database", "tenants.txt").code == 0
    done = sqlrail(*words, "--each-database", "tenants.txt")
    assert done.code == 0, done.err
    assert done.out.count(out) == 1, done.out
    assert f"{name_of(databases[3])}:\n" in done.out
    assert done.out.endswith("4 tenants: 4 done\n")


def test_baseline_and_restore_of_each(sqlrail: Sqlrail, databases: list[str]) -> None:
    for url in databases:
        query(url, "CREATE TABLE users (id bigint PRIMARY KEY)")
    query(databases[1], "DROP TABLE users")
    done = sqlrail("baseline", "--to", "1", "--each-database", "tenants.txt", "--json")
    assert [tenant["exit_code"] for tenant in done.document["tenants"]] == [0, 3, 0, 0]
    assert done.code == 3
    assert applied(databases[0]) == ["001_users"]
    assert not has_records(databases[1]) or applied(databases[1]) == []
    lost = sqlrail("restore", "7", "--each-database", "tenants.txt")
    assert lost.code in (1, 2, 3)
    assert "4 tenants" in lost.out


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("repair",), "say --yes"),
        (("archive", "purge", "--older-than", "1d"), "say --yes"),
        (("doctor", "--write"), "--write has no effect here"),
        (("drift", "--print-sql"), "--print-sql has no effect here"),
    ],
)
@pytest.mark.usefixtures("databases")
def test_what_asks_or_writes_one_file_is_for_one_database(
    sqlrail: Sqlrail, words: Sequence[str], problem: str
) -> None:
    done = sqlrail(*words, "--each-database", "tenants.txt")
    assert (done.code, done.out) == (2, "")
    assert problem in done.err
