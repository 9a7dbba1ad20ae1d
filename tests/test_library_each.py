"""sqlrail.each(): the verbs for many tenants, from an application."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from conftest import ROOT, fresh_database, needs, query
from console import put

import sqlrail
from sqlrail import events
from sqlrail.errors import UsageError
from sqlrail.results.tenants import TenantsResult
from sqlrail.server import local

pytestmark = needs("schemas and databases of its own")

NAMES = ("acme", 'a"b c.d')
ALL = "SELECT schema FROM tenants ORDER BY schema DESC"
RELATION = "orders.user_id -> users.id"
FILES = {
    "migrations/001_users.sql": "CREATE TABLE users (id int PRIMARY KEY);\n",
    "migrations/002_orders.sql": "CREATE TABLE orders (id int PRIMARY KEY, user_id int);\n",
    "migrations/002_orders.rollback.sql": "DROP TABLE orders;\n",
}


@pytest.fixture
def url(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    put(FILES, tmp_path)
    query(database, "CREATE TABLE tenants (schema text)")
    for name in NAMES:
        quoted = name.replace('"', '""')
        query(database, f'CREATE SCHEMA "{quoted}"')
        query(database, "INSERT INTO tenants VALUES (%s)", [name])
    return database


def results(found: TenantsResult) -> dict[str, dict[str, object]]:
    assert found["totals"]["failed"] == 0, found
    return {tenant["name"]: tenant["result"] for tenant in found["tenants"]}


def test_each_method_is_the_verb_for_each_schema(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    told: list[tuple[str, str]] = []

    def hear(name: str, event: events.Event) -> None:
        if isinstance(event, events.Applied):
            told.append((name, event.id))

    tenants = sqlrail.each(url, "migrations", schemas=ALL, environment="test", max_share=1.0, listener=hear)
    plan = tenants.plan()
    assert [one["files"][0]["id"] for one in results(plan).values()] == ["001_users"] * 2  # type: ignore[index]
    assert [tenant.get("like") is None for tenant in plan["tenants"]].count(False) == 1
    assert tenants.migrate("1")["versions"] == {"001_users": list(NAMES)}
    assert tenants.migrate()["totals"]["done"] == 2
    assert sorted(told) == sorted((name, id_) for name in NAMES for id_ in ("001_users", "002_orders"))
    assert all(one["pending"] == 0 for one in results(tenants.status()).values())
    assert all(one["differences"] == [] for one in results(tenants.drift()).values())
    found = results(tenants.doctor(quick=True)).values()
    assert [[it["kind"] for it in one["findings"]] for one in found] == [["missing_key"]] * 2  # type: ignore[attr-defined]
    query(url, "ALTER TABLE acme.orders ADD x int")
    assert [len(one["differences"]) for one in results(tenants.drift()).values()] == [1, 0]  # type: ignore[arg-type]
    query(url, "INSERT INTO acme.users VALUES (1); INSERT INTO acme.orders VALUES (1, 1), (2, 7)")
    assert results(tenants.cleanup([RELATION], dry_run=True))["acme"]["run"] is None
    assert query(url, "SELECT count(*) FROM acme.orders") == [(2,)]
    assert results(tenants.cleanup([RELATION]))["acme"]["run"] == 1
    assert query(url, "SELECT count(*) FROM acme.orders") == [(1,)]
    assert tenants.rollback()["totals"]["done"] == 2
    assert query(url, "SELECT to_regclass('acme.orders')") == [(None,)]
    assert tenants.baseline("1")["totals"]["refused"] == 2  # there are records
    with pytest.raises(UsageError, match="is no relation"):
        tenants.cleanup(["nonsense"])
    with pytest.raises(UsageError, match="the query failed"):
        sqlrail.each(url, "migrations", schemas="SELECT 1 / 0").status()
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("url")
def test_of_databases_too(server: local.Server) -> None:
    with fresh_database(server) as one, fresh_database(server) as other:
        tenants = sqlrail.each([one, other], "migrations", parallel=2)
        assert tenants.migrate()["totals"]["done"] == 2
        assert all(it["differences"] == [] for it in results(tenants.drift()).values())
        assert all(it["files"] == [] for it in results(tenants.plan()).values())
        assert tenants.rollback(to="1")["totals"]["refused"] == 2  # who knows whose these are
        assert tenants.rollback(to="1", yes=True)["totals"]["done"] == 2
        assert [it["pending"] for it in results(tenants.status()).values()] == [1, 1]


def test_the_page_runs(url: str, caplog: pytest.LogCaptureFixture) -> None:
    page = (ROOT / "docs" / "library.md").read_text().partition("## Many tenants")[2]
    (code,) = [text for text in re.findall(r"(?s)```python\n(.*?)```", page) if "would_fail" in text]
    caplog.set_level(logging.INFO)
    exec(code, {"sqlrail": sqlrail, "url": url, "log": logging.getLogger("page")})  # noqa: S102
    assert "2 of 2 are done" in caplog.text
