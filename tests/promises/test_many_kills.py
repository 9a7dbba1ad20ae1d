"""A run over many tenants is killed at any instant: every tenant is whole, and each file was run once."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from aftermath import start_runner, write
from conftest import query
from samples import KILLS, sample
from waiting import PATIENCE, watching

from sqlrail.server import local

pytestmark = pytest.mark.promise

TENANTS = sample("TENANTS", 40)
#: seconds after which a run may be killed, from its connection on
DURATION = 1.0
QUERY = "SELECT nspname FROM pg_namespace WHERE nspname ~ '^tenant' ORDER BY 1"
MADE = "CREATE TABLE ran (file text);\n"
#: a row for each run of a file, in its transaction, or noted outside of one
FORMS = (
    "INSERT INTO ran VALUES ('{0}');\n",
    "-- transactional: false\nINSERT INTO ran VALUES ('{0}');\n",
    "CREATE TABLE t{0} (id int);\nINSERT INTO ran VALUES ('{0}');\n",
)


def of_each(url: str, what: str) -> dict[str, list[str]]:
    """The rows of a query over each tenant's schema, which {0} stands for."""
    names = [name for (name,) in query(url, QUERY)]
    text = " UNION ALL ".join(f"SELECT '{name}', ({what.format(name)})" for name in names)
    return {name: rows or [] for name, rows in query(url, text)}


@pytest.mark.timeout(1800)
def test_every_tenant_is_whole_and_each_file_was_run_once(
    server: local.Server, database: str, tmp_path: Path
) -> None:
    query(
        database,
        f"DO $$ BEGIN FOR n IN 1..{TENANTS} LOOP EXECUTE format('CREATE SCHEMA tenant%s', n); END LOOP; END $$",
    )
    chance = random.Random(7)  # noqa: S311 - the same ones each time
    files = write(tmp_path / "files", **{"000": MADE})
    arguments = ("migrate", "--each", QUERY, "--parallel", "3", "--migrations", files, "--lock-wait", "60s")
    runner = start_runner(database, *arguments)
    _, talk = runner.communicate(timeout=PATIENCE)
    assert runner.returncode == 0, talk
    ids, ends = ["000"], list[int]()
    for number in range(1, KILLS // 2 + 1):
        ids.append(f"{number:03}")
        write(files, **{ids[-1]: FORMS[number % len(FORMS)].format(ids[-1])})
        with watching(server, database) as watch:
            runner = start_runner(database, *arguments)
            watch.let_run(chance.uniform(0, DURATION))
            runner.kill()
            runner.communicate(timeout=PATIENCE)
        ends.append(runner.returncode)
    assert -9 in ends
    runner = start_runner(database, *arguments)
    _, talk = runner.communicate(timeout=5 * PATIENCE)
    assert runner.returncode == 0, talk
    ran = of_each(database, "SELECT array_agg(file ORDER BY file) FROM {0}.ran")
    assert ran == dict.fromkeys(ran, ids[1:])
    recorded = of_each(
        database, "SELECT array_agg(migration_id::text ORDER BY migration_id) FROM {0}._yoyo_migration"
    )
    assert recorded == dict.fromkeys(ran, ids)
    assert of_each(database, "SELECT array_agg(pid::text) FROM {0}.yoyo_lock") == {name: [] for name in ran}
    assert query(database, "SELECT FROM sqlrail.progress WHERE done > 0") == []
