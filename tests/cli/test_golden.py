"""What every verb prints, word for word: a story a verb, told in plain text and once more with --json.

What was printed is compared with `golden/VERB.txt` and `golden/VERB.json.txt`, after `steady` has put placeholders
where two runs differ. Where words change on purpose, `TEST_GOLDEN=1 python -m pytest tests/cli/test_golden.py`
writes the files anew: read their diff before it is committed.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias
from urllib.parse import parse_qs, urlsplit

import console
import pytest
from conftest import majors, needs, query
from console import Outcome, Sqlrail, put

from sqlrail.cli.verb import names

sqlrail = console.sqlrail

GOLDEN = Path(__file__).parents[1] / "golden"
WRITE = os.environ.pop("TEST_GOLDEN", "") == "1"
#: what PostgreSQL itself says is other words in other majors
MAJOR = 18

pytestmark = [
    needs("the rights of an owner"),
    pytest.mark.skipif(
        max(majors(), default=0) != MAJOR, reason=f"the golden files are of PostgreSQL {MAJOR}"
    ),
]


class Sql(NamedTuple):
    """Statements of somebody else."""

    text: str


class Gone(NamedTuple):
    """A file that somebody removes."""

    path: str


class Shown(NamedTuple):
    """A file whose text belongs to what is printed."""

    path: str


#: a command line, with settings before it as in a shell, files that somebody writes, or one of those above
Step: TypeAlias = "str | Mapping[str, str] | Sql | Gone | Shown"

SHOP = {
    "migrations/001_users.sql": "CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL);\n",
    "migrations/001_users.rollback.sql": "DROP TABLE users;\n",
    "migrations/002_orders.sql": (
        "-- depends: 001_users\n\n"
        "CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint, total numeric NOT NULL DEFAULT 0);\n"
        "CREATE INDEX orders_user_id ON orders (user_id);\n"
    ),
    "migrations/002_orders.rollback.sql": "DROP TABLE orders;\n",
}
KEY = {
    "migrations/003_key.sql": (
        "-- depends: 002_orders\n-- cleanup: orders.user_id -> users.id\n\n"
        "ALTER TABLE orders ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users;\n"
    ),
    "migrations/003_key.rollback.sql": "ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey;\n",
}
UNCHECKED = {
    "migrations/003_key.sql": (
        "-- depends: 002_orders\n\n"
        "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE NOT VALID;\n"
    )
}
FILL = {
    "migrations/003_fill.sql": (
        "-- backfill: orders by id\n"
        "UPDATE orders SET total = 1 FROM sqlrail_batch AS b WHERE orders.id = b.id AND total = 0;\n"
    ),
    "migrations/004_totals.sql": "-- depends: 003_fill\n\nALTER TABLE orders ADD CHECK (total > 0);\n",
    "migrations/005_notes.sql": "ALTER TABLE orders ADD COLUMN note text;\n",
}
OUTSIDE = {
    "migrations/003_outside.sql": (
        "-- depends: 002_orders\n-- transactional: false\n\n"
        "CREATE INDEX CONCURRENTLY orders_total ON orders (total);\n"
        "CREATE UNIQUE INDEX CONCURRENTLY orders_one_each ON orders (user_id);\n"
    )
}
OF_DBMATE = {
    "db/migrations/20240101_users.sql": (
        "-- migrate:up\nCREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL);\n\n"
        "-- migrate:down\nDROP TABLE users;\n"
    ),
    "db/migrations/20240102_names.sql": (
        "-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY users_name ON users (name);\n\n"
        "-- migrate:down transaction:false\nDROP INDEX CONCURRENTLY users_name;\n"
    ),
    "db/migrations/20240103_later.sql": (
        "-- migrate:up\nCREATE TABLE later (id bigint PRIMARY KEY);\n\n-- migrate:down\nDROP TABLE later;\n"
    ),
}
#: two orders of somebody, and two of nobody
ROWS = Sql(
    "INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace');"
    "INSERT INTO orders VALUES (10, 1, 5), (11, 2, 6), (12, NULL, 7), (13, 99, 8), (14, 98, 9)"
)
ORDERS = "'orders.user_id -> users.id'"

STORIES: dict[str, Sequence[Step]] = {
    "usage": (
        "",
        "frobnicate",
        "statsu",
        "status --chekc",
        "status extra",
        "migrate --lock-wait 5",
        "status --format table",
        "SQLRAIL_ENV=prod status",
        "SQLRAIL_LOCKWAIT=5s status",
        "DATABASE_URL=mysql://db/app status",
        "DATABASE_URL=postgresql://postgres@127.0.0.1:1/app status",
        "status --migrations nowhere",
    ),
    "tenant": (
        Sql("CREATE TABLE tenants (schema text)"),
        "migrate --each 'SELECT schema FROM tenants'",
        "tenant add acme",
        "tenant add acme",
        "tenant add globex --to 1",
        Sql("INSERT INTO tenants VALUES ('acme'), ('globex')"),
        "status --each 'SELECT schema FROM tenants' --check",
        Sql("CREATE TABLE globex.orders ()"),
        "migrate --each 'SELECT schema FROM tenants' --canary acme --parallel 1",
        "migrate --each 'SELECT schema FROM tenants' --canary globex --parallel 1",
    ),
    "status": (
        "status",
        "status --check",
        "migrate --to 1",
        "status",
        "status --check",
        "migrate",
        "status --check",
        Gone("migrations/002_orders.sql"),
        Gone("migrations/002_orders.rollback.sql"),
        "status --check",
        "status --check --allow-ahead",
        {"migrations/001_users.sql": "CREATE TABLE users (id bigint);\n"},
        {"migrations/000_late.sql": "SELECT 1;\n"},
        "status --check",
    ),
    "migrate": (
        "migrate --to 9",
        "migrate --to 2",
        ROWS,
        KEY,
        "migrate --max-rows 0 --max-share 1%",
        "migrate",
        "migrate",
        {
            "migrations/004_bad.sql": "-- depends: 003_key\n\nALTER TABLE orders ADD COLUMN note text;\nSELECT 1 / 0;\n"
        },
        "migrate",
        {"migrations/004_bad.sql": "-- depends: 003_key\n\nSELECT FROM nowhere;\n"},
        "migrate",
        {"migrations/004_bad.sql": "-- depends: 003_key\n\nCOMMIT;\n"},
        "migrate",
        {"migrations/004_bad.sql": "-- dependz: 003_key\n\nSELECT 1;\n"},
        "migrate",
        Gone("migrations/004_bad.sql"),
        {"migrations/000_late.sql": "SELECT 1;\n"},
        "migrate",
        "migrate --allow-late",
        Gone("migrations/000_late.sql"),
        "migrate",
        Gone("migrations/001_users.sql"),
        Gone("migrations/001_users.rollback.sql"),
        "migrate",
        "migrate --allow-missing",
        "SQLRAIL_ENV=production migrate --allow-missing",
    ),
    "code": (
        {
            "migrations/code/named.sql": "CREATE VIEW named AS SELECT name FROM users;\n",
            "migrations/code/short.sql": "CREATE VIEW short AS SELECT name FROM named WHERE length(name) < 9;\n",
        },
        "migrate --to 1",
        "plan",
        "migrate",
        "status",
        {"migrations/code/named.sql": "CREATE VIEW named AS SELECT id, name FROM users;\n"},
        "status --check",
        "plan",
        "migrate",
        Gone("migrations/code/short.sql"),
        {"migrations/code/late.sql": "CREATE VIEW late AS SELECT 1;\nDROP VIEW short;\n"},
        "status",
        "migrate",
        {"migrations/code/late.sql": "CREATE VIEW late AS SELECT nothing FROM users;\n"},
        "migrate",
    ),
    "outside": (
        "migrate",
        Sql("INSERT INTO orders VALUES (1, 1), (2, 1)"),
        OUTSIDE,
        "migrate",
        "status",
        Sql("DELETE FROM orders WHERE id = 2"),
        "migrate",
        "migrate --interrupted done",
    ),
    "backfill": (
        FILL,
        "migrate --skip-backfills",
        "status",
        "status --check --skip-backfills",
        {"migrations/006_later.sql": "CREATE TABLE later (id bigint);\n"},
        {
            "migrations/007_fill.sql": (
                "-- backfill: users by id once\nDELETE FROM users USING sqlrail_batch AS b WHERE false;\n"
            )
        },
        "backfill --to 3",
        "backfill",
        "backfill --allow-late",
    ),
    "plan": (
        "migrate --to 1",
        "plan",
        KEY,
        Sql("CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint); INSERT INTO orders VALUES (1, 2)"),
        "plan --check",
        Sql("DROP TABLE orders"),
        "migrate --to 2",
        ROWS,
        {
            "migrations/004_rewrite.sql": "-- depends: 003_key\n\nALTER TABLE orders ALTER COLUMN id TYPE numeric;\n"
        },
        "plan --check",
        "plan --format markdown",
        "migrate",
        "plan --check",
    ),
    "drift": (
        "migrate",
        "drift --check",
        Sql(
            "ALTER TABLE orders ADD COLUMN note text; DROP INDEX orders_user_id; CREATE TABLE extra (id bigint)"
        ),
        "drift --check --exclude-table extra",
        "drift --print-sql",
        "drift --print-sql --with-drops",
        "drift --with-drops",
        KEY,
        "drift --pending",
    ),
    "schema": (
        "schema",
        "schema --check",
        "schema --schema-file schema.sql",
        Shown("schema.sql"),
        "schema --schema-file schema.sql --check",
        KEY,
        "schema --schema-file schema.sql --check",
        "migrate --schema-file schema.sql",
        Shown("schema.sql"),
    ),
    "doctor": (
        "migrate",
        "doctor --check",
        UNCHECKED,
        "migrate",
        Sql(
            "INSERT INTO users VALUES (1, 'Ada'); CREATE TABLE tags (order_id bigint REFERENCES orders, name text);"
            "CREATE TABLE logs (text text); CREATE INDEX orders_user_id_again ON orders (user_id)"
        ),
        "doctor",
        "doctor --check --quick",
        "doctor --write",
        "doctor --write '!'",
    ),
    "lint": (
        {"migrations/002_orders.sql": "-- depends: 001_users\n\nALTER TABLE users DROP COLUMN name;\n"},
        "lint --all",
        "lint --all --check --format github",
        "lint --all --json --format github",
        "lint migrations/001_users.sql --check",
        "lint migrations/nowhere.sql",
        "lint",
        "migrate",
        "lint --check",
        "lint --all --against origin/main",
    ),
    "cleanup": (
        "migrate",
        ROWS,
        "cleanup",
        f"cleanup --relation {ORDERS} --dry-run",
        f"cleanup --relation {ORDERS} --max-rows 1",
        "cleanup --relation orders.user_id",
        "cleanup --relation 'orders.user_id -> nobody.id'",
        "cleanup --print-sql --online",
        "cleanup --pause 1s",
        f"cleanup --relation {ORDERS}",
        f"cleanup --relation {ORDERS}",
        Sql("CREATE TABLE empty (id bigint PRIMARY KEY); UPDATE orders SET user_id = NULL WHERE id = 10"),
        "cleanup --relation 'orders.user_id -> empty.id set null' --max-share 100%",
        f"cleanup --relation {ORDERS} --relation {ORDERS}",
        UNCHECKED,
        "migrate",
        "cleanup --all --dry-run",
    ),
    "print-sql": (
        "migrate",
        ROWS,
        f"cleanup --relation {ORDERS} --print-sql",
        f"cleanup --relation {ORDERS} --max-rows 1 --print-sql",
    ),
    "online": (
        "migrate",
        ROWS,
        f"cleanup --online --dry-run --relation {ORDERS}",
        f"cleanup --online --relation {ORDERS}",
        f"cleanup --online --relation {ORDERS}",
        "cleanup --online",
        "cleanup --online --max-lag 5",
    ),
    "archive": (
        "archive list",
        "archive purge",
        "archive purge --older-than 30d",
        "archive list --yes",
        "migrate",
        ROWS,
        f"cleanup --relation {ORDERS}",
        "archive list",
        "archive purge --older-than 30d",
        Sql("UPDATE sqlrail.run SET started_at = started_at - interval '40 days'"),
        "SQLRAIL_ENV=production archive purge --older-than 30d",
        "archive purge --older-than 30d --yes",
        "archive list",
        "archive purge --older-than 30",
    ),
    "restore": (
        "restore 1",
        "restore x",
        "migrate",
        ROWS,
        f"cleanup --relation {ORDERS}",
        "restore 1",
        Sql("INSERT INTO users VALUES (99, 'Barbara')"),
        "restore 1",
        "restore 1",
        "restore 1 --relation 'orders.id -> users.id'",
        "restore 1 --force",
        "restore 7",
        "archive list",
    ),
    "rollback": (
        "rollback",
        "migrate",
        "rollback --steps 0",
        "rollback --to 1",
        "rollback",
        "migrate",
        ROWS,
        "rollback --dry-run --steps 2",
        {"migrations/002_orders.rollback.sql": "DROP TABLE orders;\nDROP TABLE nowhere;\n"},
        "rollback",
        "SQLRAIL_ENV=production rollback",
        Gone("migrations/002_orders.rollback.sql"),
        "rollback",
        Gone("migrations/002_orders.sql"),
        "rollback --stored",
    ),
    "switch": (
        "switch",
        "migrate",
        "switch",
        ROWS,
        Gone("migrations/002_orders.sql"),
        Gone("migrations/002_orders.rollback.sql"),
        {
            "migrations/002_notes.sql": "-- depends: 001_users\n\nCREATE TABLE notes (id bigint PRIMARY KEY);\n"
        },
        "switch --dry-run",
        "SQLRAIL_ENV=production switch",
        "switch --no-rows",
        Sql("ALTER TABLE users ADD by_hand int"),
        "switch",
        Sql("ALTER TABLE users DROP by_hand"),
        "switch",
        {"migrations/002_notes.sql": "-- depends: 001_users\n\nCREATE TABLE notes (id int PRIMARY KEY);\n"},
        "switch",
        "status --check",
    ),
    "baseline": (
        "baseline",
        "baseline --to 2",
        Sql("CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL)"),
        "baseline --to 2",
        "baseline --to 2 --accept-differences",
        "baseline --to 1",
        "status",
    ),
    "adopt": (
        OF_DBMATE,
        "adopt",
        Sql(
            "CREATE TABLE schema_migrations (version varchar(255) PRIMARY KEY);"
            "INSERT INTO schema_migrations VALUES ('20240101'), ('20240102')"
        ),
        "adopt",
        "adopt --dry-run --migrations ours",
        "adopt --migrations ours",
        Sql("CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL)"),
        Sql("CREATE INDEX users_name ON users (name)"),
        "adopt --dry-run --migrations ours",
        "adopt --files-only --migrations ours",
        {"ours/20240103_later.sql": "-- Mended.\nCREATE TABLE later (id bigint PRIMARY KEY);\n"},
        "adopt --migrations ours",
        "status --migrations ours",
        "drift --check --migrations ours",
        "migrate --migrations ours",
        "status --check --migrations ours",
        "adopt --migrations ours",
        {"db/migrations/20240104_d.sql": "-- +goose Up\nSELECT 1;\n"},
        "adopt db/migrations",
        {"code/versions/1a.py": "revision = '1a'\ndown_revision = None\n"},
        "adopt code --migrations ours",
    ),
    "repair": (
        "migrate",
        "repair",
        {
            "migrations/001_users.sql": "CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL); -- ours\n"
        },
        "migrate",
        "repair",
        "repair --yes",
        "status --check",
        Gone("migrations/002_orders.sql"),
        Gone("migrations/002_orders.rollback.sql"),
        "repair --forget 002_orders",
        "repair --forget 002_orders --yes",
        "repair --forget 009_nothing --yes",
        "status",
    ),
    "stamp": (
        "stamp",
        "stamp dev",
        "stamp staging",
        "stamp staging --name other",
        "stamp staging --name DATABASE",
        "migrate",
        "stamp test --name DATABASE",
        "migrate",
        "stamp production --name DATABASE",
        "SQLRAIL_ENV=development reset --yes",
    ),
    "reset": (
        {"seed.sql": "INSERT INTO users VALUES (1, 'Ada');\n"},
        "SQLRAIL_ENV=production reset --yes",
        "SQLRAIL_ENV=development reset --yes",
        "SQLRAIL_ENV=development migrate",
        Sql("CREATE TABLE extra (id bigint); CREATE SCHEMA other"),
        "SQLRAIL_ENV=development reset",
        "SQLRAIL_ENV=development reset --yes --spare other",
        "SQLRAIL_ENV=development reset --yes --seed seed.sql",
        "SQLRAIL_ENV=development reset --yes --seed nowhere.sql",
        {"seed.sql": "INSERT INTO nowhere VALUES (1, 'Ada');\n"},
        "SQLRAIL_ENV=development reset --yes --seed seed.sql",
    ),
    "init": (
        {"Makefile": "all:\n"},
        "init --dry-run",
        "init",
        Shown("sqlrail.mk"),
        "init",
        "init --migrations 'a folder'",
    ),
    "new": (
        "new 'add notes'",
        Shown("migrations/003_add_notes.sql"),
        Shown("migrations/003_add_notes.rollback.sql"),
        "new key --key 'orders.user_id -> users.id set null'",
        Shown("migrations/004_key.sql"),
        Shown("migrations/005_key_validate.sql"),
        "new key --key orders.user_id",
        "new '!'",
        "new",
        "new 'add notes' --migrations nowhere",
    ),
    "renumber": (
        "migrate",
        {
            "migrations/001_shops.sql": "CREATE TABLE shops (id bigint PRIMARY KEY);\n",
            "migrations/001_shops.rollback.sql": "DROP TABLE shops;\n",
            "migrations/002_visits.sql": (
                "-- depends: 001_shops\n\nCREATE TABLE visits (shop_id bigint REFERENCES shops);\n"
            ),
        },
        "renumber --dry-run",
        "renumber",
        Shown("migrations/004_visits.sql"),
        "renumber",
        "migrate",
    ),
    "widen": (
        {
            "migrations/003_shops.sql": (
                "-- depends: 002_orders\n\nCREATE TABLE shops (id serial PRIMARY KEY, name text);\n"
                "CREATE TABLE visits (id bigserial PRIMARY KEY, shop_id int NOT NULL REFERENCES shops);\n"
                "CREATE VIEW names AS SELECT id, name FROM shops;\n"
            )
        },
        "widen shops.id",
        "migrate",
        "widen shops",
        "widen shops.number",
        "widen shops.name",
        "widen orders.user_id",
        "widen visits.shop_id --dry-run",
        "widen shops.id",
        Shown("migrations/007_widen_shops_id_indexes.sql"),
        Shown("migrations/008_widen_shops_id_swap.sql"),
        Shown("migrations/008_widen_shops_id_swap.rollback.sql"),
        "migrate",
        Sql(
            "CREATE TABLE carts (id int PRIMARY KEY); CREATE MATERIALIZED VIEW filled AS SELECT id FROM carts;"
            "CREATE TABLE labels (id int PRIMARY KEY, name varchar(20))"
        ),
        "widen carts.id",
        "widen labels.name --type date",
        "widen labels.name --type nothing",
        "widen labels.name --type int --using size(name)",
        "widen labels.id --type 'numeric(12,2)' --dry-run",
        "widen labels.name --type varchar(50) --dry-run",
        "widen orders.user_id --not-null",
        "widen orders.user_id --not-null --dry-run",
    ),
    "create": ("create", "create now"),
    "drop": ("drop", "drop --yes", "drop --yes", "status", "create", "migrate", "drop --yes"),
    "stop": ("stop", "stop now"),
    "completion": ("completion", "completion tcsh"),
}
#: what differs from run to run, and what stands in for it
VOLATILE = (
    # where one is said, and whether, depends on how long the file in front took
    (r"(?m)^stderr: (applying \S+ \.\.\.|\S+: at work for .*)\n", ""),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?", "TIME"),
    (r'(?m)(^|")-- \d{4}-\d\d-\d\d:', r"\1-- DATE:"),
    (r"\(\d+\.\d\d s\)", "(SECONDS s)"),
    (r'"seconds": [\d.e-]+', '"seconds": SECONDS'),
    (r"the server wrote [\d.]+ k?B of WAL", "the server wrote BYTES of WAL"),
    (r'"wal_bytes": \d+', '"wal_bytes": BYTES'),
    (r"SOCKET:\d+/", "SOCKET:PORT/"),
    (r'"port": \d+', '"port": PORT'),
    (rf"PostgreSQL {MAJOR}(\.\d+|\w+)", f"PostgreSQL {MAJOR}.MINOR"),
    (rf'"server_version": "{MAJOR}(\.\d+|\w+)"', f'"server_version": "{MAJOR}.MINOR"'),
    # argparse writes the choices with quotes, and from Python 3.12 on without
    (r"\(choose from [^)]*\)", "(choose from CHOICES)"),
    # squawk's own words; ours begin in lower case
    (r'("rule": "[a-z-]+",\s+"message": ).*', r'\1"FINDING",'),
    (r"(?m)([ =][a-z]+(?:-[a-z]+)+(?::|&#58;)[: ])[A-Z].*?(?=\.? Safer|\.?$)", r"\1FINDING"),
)


@pytest.mark.parametrize("form", ["txt", "json.txt"])
@pytest.mark.parametrize("story", STORIES)
def test_a_verb_prints_what_it_printed(sqlrail: Sqlrail, database: str, story: str, form: str) -> None:
    put(SHOP)
    more = ["--json"] if form == "json.txt" else []
    told = "\n".join(_tell(STORIES[story], more, sqlrail, database))
    compare(GOLDEN / f"{story}.{form}", steady(told, database))


def test_the_help_says_what_it_said(sqlrail: Sqlrail) -> None:
    # Where argparse breaks a line depends on its version; one so wide it does not break.
    told = [
        f"$ {' '.join(words)}\n{_shown(sqlrail(*words, env={'COLUMNS': '2000'}))}"
        for words in (["--help"], *([verb, "--help"] for verb in names()))
    ]
    compare(GOLDEN / "help.txt", "\n".join(told))


def test_every_verb_has_its_story() -> None:
    assert not {*names()} - STORIES.keys()


def _tell(steps: Sequence[Step], more: Sequence[str], sqlrail: Sqlrail, database: str) -> Iterator[str]:
    """Takes the steps, and yields what there is to see of each."""
    for step in steps:
        if isinstance(step, Sql):
            query(database, step.text)
        elif isinstance(step, Gone):
            Path(step.path).unlink()
        elif isinstance(step, Shown):
            yield f"$ cat {step.path}\n{Path(step.path).read_text()}"
        elif isinstance(step, str):
            yield f"$ {' '.join([step, *more])}\n{_called(step, more, sqlrail, database)}"
        else:
            put(step)


def _called(line: str, more: Sequence[str], sqlrail: Sqlrail, database: str) -> str:
    name = urlsplit(database).path[1:]
    words = [name if word == "DATABASE" else word for word in shlex.split(line)]
    env = {"DATABASE_URL": database, "SQLRAIL_ENV": "test", "LOGNAME": "tester"}
    while words and "=" in words[0]:
        setting, _, env[setting] = words.pop(0).partition("=")
    return _shown(sqlrail(*words, *more, env=env))


def _shown(outcome: Outcome) -> str:
    err = "".join(f"stderr: {line}\n" for line in outcome.all_err.splitlines())
    return f"{outcome.out}{err}exit {outcome.code}\n"


def steady(text: str, database: str) -> str:
    """The text with placeholders for what is of one run, one machine, or one version of what is not ours."""
    url = urlsplit(database)
    (folder,) = parse_qs(url.query)["host"]
    text = text.replace(folder, "SOCKET").replace(url.path[1:], "DATABASE")
    text = re.sub(rf"\bon {re.escape(socket.gethostname())}\b", "on HOST", text)
    for pattern, placeholder in VOLATILE:
        text = re.sub(pattern, placeholder, text)
    return text.replace(
        "\\n", "\\n\n"
    )  # a script in JSON is one line, in which nobody would see a difference


def compare(golden: Path, told: str) -> None:
    """Fails with the difference between what was printed and the golden file; or writes that file."""
    if WRITE:
        golden.write_text(told)
    lines, expected = told.splitlines(), golden.read_text().splitlines()
    if difference := list(difflib.unified_diff(expected, lines, golden.name, "printed now", lineterm="")):
        pytest.fail("\n".join(difference), pytrace=False)
