"""Files that run behind migrations: where one was edited since, that is said, and the next migrate runs it, once."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import console
import pytest
from aftermath import start_runner
from conftest import fresh_database, open_folder, query
from console import Sqlrail, catalog, put
from proxy import Proxy
from test_together import yoyo
from waiting import PATIENCE, wait_for

import sqlrail as library
from sqlrail.server import local

sqlrail = console.sqlrail

FILES = {
    "001_a.sql": "CREATE TABLE a (n int)",
    "001_a.rollback.sql": "DROP TABLE a",
    "post-apply.sql": "INSERT INTO a VALUES (1)",
}
ROWS = "SELECT n FROM a ORDER BY ctid"
OUTSIDE = "-- transactional: false\n"


def lay(files: dict[str, str], folder: str = "migrations") -> None:
    shutil.rmtree(folder, ignore_errors=True)
    put(files, Path(folder))


@pytest.fixture
def env(database: str) -> dict[str, str]:
    return {"DATABASE_URL": database, "USER": "ann", "APP_ENV": "development"}


@pytest.fixture
def applied(sqlrail: Sqlrail, env: dict[str, str]) -> Sqlrail:
    lay(FILES)
    assert sqlrail("migrate", env=env).code == 0
    return sqlrail


def edit(text: str, name: str = "post-apply.sql") -> None:
    put({f"migrations/{name}": text})


def rows(url: str) -> list[int]:
    return [n for (n,) in query(url, ROWS)]


@pytest.mark.parametrize("outside", ["", OUTSIDE], ids=["in a transaction", "outside"])
def test_one_that_was_edited_is_said_and_the_next_migrate_runs_it_once(
    outside: str, applied: Sqlrail, database: str, env: dict[str, str]
) -> None:
    assert applied("status", "--check", env=env).code == 0
    edit(f"{outside}INSERT INTO a VALUES (2)")
    said = applied("status", "--check", env=env)
    assert (said.code, said.out.splitlines()[-1]) == (
        4, "post-apply.sql was edited since it was run last, and runs with the next `migrate`",
    )  # fmt: skip
    assert applied("status", "--json", env=env).document["post_apply"] == [
        {"id": "post-apply", "state": "edited"}
    ]
    done = applied("migrate", env=env)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == "done: 0 applied now, 1 before, 1 post-apply file run"
    assert applied("status", "--check", env=env).code == 0
    again = applied("migrate", "--json", env=env).document
    assert (again["post_apply"], rows(database)) == ([], [1, 2])


def test_what_says_the_same_is_not_edited(applied: Sqlrail, database: str, env: dict[str, str]) -> None:
    edit("\ufeffINSERT INTO a VALUES (1)  \r\n\r\n")
    assert applied("status", "--check", env=env).code == 0
    assert applied("migrate", env=env).out == "nothing to do: 1 applied, 0 pending\n"
    assert rows(database) == [1]


def test_where_one_was_edited_all_run_in_their_order(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    lay({**FILES, "post-apply-2.sql": "INSERT INTO a VALUES (20)"})
    assert sqlrail("migrate", env=env).code == 0
    edit("INSERT INTO a VALUES (10)")
    done = sqlrail("migrate", "--json", env=env).document
    assert (done["post_apply"], done["applied"]) == (["post-apply-2", "post-apply"], [])
    assert rows(database) == [20, 1, 20, 10]


def test_behind_a_migration_it_runs_once(applied: Sqlrail, database: str, env: dict[str, str]) -> None:
    put(
        {
            "migrations/002_b.sql": "INSERT INTO a VALUES (0)",
            "migrations/post-apply.sql": "INSERT INTO a VALUES (2)",
        }
    )
    assert applied("migrate", "--json", env=env).document["post_apply"] == ["post-apply"]
    assert rows(database) == [1, 0, 2]


def test_while_migrations_are_left_it_waits(applied: Sqlrail, database: str, env: dict[str, str]) -> None:
    put(
        {
            "migrations/002_b.sql": "INSERT INTO a VALUES (0)",
            "migrations/post-apply.sql": "INSERT INTO a VALUES (2)",
        }
    )
    assert applied("migrate", "--to", "001", env=env).code == 0
    assert rows(database) == [1]


def test_one_that_fails_is_tried_again_by_the_next_run(
    applied: Sqlrail, database: str, env: dict[str, str]
) -> None:
    edit("INSERT INTO a VALUES (2);\nSELECT * FROM nowhere")
    before = catalog(database)
    failed = applied("migrate", env=env)
    assert (failed.code, "migrations/post-apply.sql:2:15" in failed.err) == (1, True)
    assert (catalog(database), rows(database)) == (before, [1])
    assert applied("status", "--check", env=env).code == 4
    edit("INSERT INTO a VALUES (2)")
    assert applied("migrate", env=env).code == 0
    assert rows(database) == [1, 2]


def test_one_that_cannot_be_run_is_refused_before_anything(
    applied: Sqlrail, database: str, env: dict[str, str]
) -> None:
    edit("INSERT INTO a VALUES (2); COMMIT")
    assert applied("migrate", env=env).code == 2
    assert rows(database) == [1]


@pytest.mark.parametrize("kind", ["plain yoyo has run it", "nobody has", "the log was emptied"])
def test_where_nobody_knows_what_was_run_nothing_is_said_or_run(
    kind: str, sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    lay(FILES)
    if kind == "plain yoyo has run it":
        yoyo(database, "apply", Path("migrations"))
    else:
        Path("migrations/post-apply.sql").unlink()
    assert sqlrail("migrate", env=env).code == 0
    if kind == "the log was emptied":
        query(database, "DELETE FROM _yoyo_log WHERE migration_id LIKE 'post-apply%'")
    before = rows(database)
    edit("INSERT INTO a VALUES (2)")
    assert sqlrail("status", "--check", env=env).code == 0
    assert sqlrail("migrate", env=env).out == "nothing to do: 1 applied, 0 pending\n"
    assert rows(database) == before
    put({"migrations/002_b.sql": "SELECT 1"})
    assert sqlrail("migrate", env=env).code == 0
    edit("INSERT INTO a VALUES (3)")
    assert sqlrail("migrate", env=env).code == 0
    assert rows(database) == [*before, 2, 3]


def test_an_older_release_does_not_run_it(applied: Sqlrail, database: str, env: dict[str, str]) -> None:
    put({"migrations/002_b.sql": "SELECT 1"})
    assert applied("migrate", env=env).code == 0
    lay({**FILES, "post-apply.sql": "INSERT INTO a VALUES (9)"})
    assert applied("migrate", env=env).code == 0
    assert applied("status", "--check", "--allow-ahead", env=env).code == 0
    assert rows(database) == [1, 1]


@pytest.mark.parametrize("outside", ["", OUTSIDE], ids=["in a transaction", "outside"])
def test_of_many_runners_one_runs_it(
    outside: str, applied: Sqlrail, database: str, env: dict[str, str]
) -> None:
    edit(f"{outside}SELECT pg_sleep(0.3);\nINSERT INTO a VALUES (2);")
    together = Barrier(4)

    def run(_: int) -> list[str]:
        together.wait()
        return library.migrate(database, "migrations", environment="development")["post_apply"]

    with ThreadPoolExecutor(4) as runners:
        told = sorted(runners.map(run, range(4)))
    assert told == [[], [], [], ["post-apply"]]
    assert rows(database) == [1, 2]
    assert applied("status", "--check", env=env).code == 0


def test_one_that_was_killed_is_run_by_the_next(applied: Sqlrail, database: str, env: dict[str, str]) -> None:
    edit("INSERT INTO a VALUES (2);\nSELECT pg_sleep(60);")
    runner = start_runner(database, "migrate", "--migrations", Path("migrations").resolve())
    sleeps = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    wait_for(lambda: query(database, sleeps), "the file is at work")
    runner.kill()
    runner.communicate(timeout=PATIENCE)
    edit("INSERT INTO a VALUES (2);")
    assert applied("migrate", env=env).code == 0
    assert rows(database) == [1, 2]


def test_a_run_with_nothing_to_do_costs_no_message_more(server: local.Server, tmp_path: Path) -> None:
    counts = []
    for name, files in (("without", {"001_a.sql": FILES["001_a.sql"]}), ("with", FILES)):
        put({**files}, tmp_path / name)
        with fresh_database(server) as url:
            library.migrate(url, tmp_path / name, environment="development")
            with open_folder() as folder, closing(Proxy(folder, url)) as proxy:
                library.migrate(proxy.url, tmp_path / name, environment="development")
                counts.append(proxy.counts["client"])
    assert counts[0] == counts[1]


def test_of_many_tenants_it_runs_where_it_was_edited_since(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(database, "CREATE SCHEMA one; CREATE SCHEMA two")
    lay(FILES)
    each = ("--each", "SELECT unnest(ARRAY['one', 'two'])")
    assert sqlrail("migrate", *each, env=env).code == 0
    edit("INSERT INTO a VALUES (2)")
    assert sqlrail("status", "--check", *each, env=env).code == 4
    assert sqlrail("migrate", "--each", "SELECT 'one'", env=env).code == 0
    for _ in range(2):
        assert sqlrail("migrate", *each, env=env).code == 0
        for schema in ("one", "two"):
            assert query(database, f"SELECT n FROM {schema}.a ORDER BY n") == [(1,), (2,)]
    assert sqlrail("status", "--check", *each, env=env).code == 0


def test_a_plan_says_that_it_will_run(applied: Sqlrail, env: dict[str, str]) -> None:
    edit("INSERT INTO a VALUES (2)")
    done = applied("plan", env=env)
    assert (done.code, "run by the next migrate: post-apply" in done.err) == (0, True)
