"""docs/tenants.md: what it shows is what happens, command by command."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from conftest import ROOT, fresh_database, needs, query
from console import Sqlrail, put
from console import sqlrail as sqlrail

from sqlrail.server import local

PAGE = (ROOT / "docs" / "tenants.md").read_text()
#: commands, and what they print
SHOWN = re.findall(r"(?ms)^```\n\$ sqlrail ([^\n]*)\n(.*?)^```$", PAGE)

pytestmark = needs("schemas and databases of its own")


def test_each_command_does_what_the_page_shows(
    sqlrail: Sqlrail, database: str, server: local.Server, tmp_path: Path
) -> None:
    (table,) = re.findall(r"(?s)```sql\n(.*?)```", PAGE)
    query(database, table)
    for name in ("acme", "globex", "Ünï, co."):
        query(database, f'CREATE SCHEMA "{name}"')
        query(database, "INSERT INTO tenants VALUES (%s)", [name])
    put({
        "migrations/001_users.sql": "CREATE TABLE users (id bigint PRIMARY KEY);\n",
        "migrations/002_orders.sql": "CREATE TABLE orders (id bigint PRIMARY KEY);\n",
    }, tmp_path)  # fmt: skip
    assert len(SHOWN) >= 5
    with fresh_database(server) as one, fresh_database(server) as other:
        put({"urls.txt": f"{one}\n{other}\n"}, tmp_path)
        for words, printed in SHOWN:
            done = sqlrail(*shlex.split(words), env={"DATABASE_URL": database})
            lines = [line for line in done.out.splitlines() if not line.startswith("applied ")]
            assert (done.code, lines) == (0, printed.splitlines()), f"{words}: {done.err}"
            if words.startswith("tenant add"):
                query(database, "INSERT INTO tenants VALUES (%s)", [words.split()[2]])
