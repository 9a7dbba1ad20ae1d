"""A file cannot run in one of many tenants: it is named, and stays at its last whole file; all others are done."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from aftermath import write
from conftest import Connect, query, run
from psycopg import sql
from samples import sample

pytestmark = pytest.mark.promise

TENANTS = sample("TENANTS", 60)
NAMES = [f"tenant{number:03}" for number in range(TENANTS)]
POISONED = NAMES[TENANTS // 2]
QUERY = "SELECT nspname FROM pg_namespace WHERE nspname ~ '^tenant' ORDER BY 1"
FILES = {
    "001_users": "CREATE TABLE users (id int PRIMARY KEY, name text);\nCREATE TABLE ends (pid int);\n",
    "002_orders": "CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users);\n",
    "003_names": "ALTER TABLE users ADD CHECK (name <> '');\nSELECT pg_terminate_backend(pid) FROM ends;\n",
    "004_index": "-- transactional: false\nCREATE UNIQUE INDEX CONCURRENTLY by_name ON users (name);\n",
    "005_total": "ALTER TABLE orders ADD COLUMN total int;\n",
}
LAST = "005_total"
#: what is done to the one when 002 has run everywhere, what cures it, and the file that it stays behind
POISONS = {
    "a row that a check forbids": ("INSERT INTO {}.users VALUES (1, '')", "DELETE FROM {}.users", "002_orders"),
    "two rows that are one too many": (
        "INSERT INTO {}.users VALUES (1, 'a'), (2, 'a')", "DELETE FROM {}.users WHERE id = 2", "003_names",
    ),
    "a column that is there": (
        "ALTER TABLE {}.orders ADD COLUMN total text", "ALTER TABLE {}.orders DROP COLUMN total", "004_index",
    ),
    "a table that is gone": (
        "ALTER TABLE {0}.orders RENAME TO away", "ALTER TABLE {0}.away RENAME TO orders", "004_index",
    ),
    "the connection is ended": ("INSERT INTO {}.ends VALUES (0)", "DELETE FROM {}.ends", "002_orders"),
}  # fmt: skip


def versions(url: str) -> dict[str, str]:
    """The last file that is recorded in each schema, and that there is one record for each up to it."""
    found = dict[str, str]()
    with psycopg.connect(url, autocommit=True) as own:
        for name in NAMES:
            table = sql.Identifier(name, "_yoyo_migration")
            rows = own.execute(sql.SQL("SELECT migration_id FROM {} ORDER BY 1").format(table)).fetchall()
            ids = [id_ for (id_,) in rows]
            assert ids == list(FILES)[: len(ids)]
            found[name] = ids[-1]
    return found


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", POISONS)
def test_all_others_are_done(database: str, connect: Connect, tmp_path: Path, kind: str) -> None:
    poison, cure, stays_at = POISONS[kind]
    with psycopg.connect(database) as own:
        for name in NAMES:
            own.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
    files = write(tmp_path / "files", **FILES)
    env = {"DATABASE_URL": database, "APP_ENV": "test"}
    each = ("migrate", "--each", QUERY, "--migrations", str(files))
    assert run(*each, "--to", "002", env=env).returncode == 0
    own = connect(database)
    query(database, poison.format(POISONED))
    if "connection" in kind:  # its own, whichever that is
        own.execute(
            f"CREATE VIEW public.ends AS SELECT pg_backend_pid() AS pid; DROP TABLE {POISONED}.ends;"
            f"CREATE VIEW {POISONED}.ends AS SELECT pid FROM public.ends"
        )
        cure = "DROP VIEW {0}.ends; CREATE TABLE {0}.ends (pid int)"
    done = run(*each, "--json", env=env)
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    assert document["totals"] | {"all": TENANTS, "done": TENANTS - 1, "failed": 1} == document["totals"]
    (failed,) = [tenant for tenant in document["tenants"] if "error" in tenant]
    assert (failed["name"], failed["exit_code"]) == (POISONED, 1)
    assert POISONED in done.stderr
    assert versions(database) == dict.fromkeys(NAMES, LAST) | {POISONED: stays_at}
    query(database, cure.format(POISONED))
    done = run(*each, env=env)
    assert done.returncode == 0, done.stderr
    assert versions(database) == dict.fromkeys(NAMES, LAST)
