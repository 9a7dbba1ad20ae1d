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


def test_archived_rows_come_back_where_they_were(url: str) -> None:
    tenants = sqlrail.each(url, "migrations", schemas=ALL, environment="test", max_share=1.0)
    tenants.migrate()
    query(url, "INSERT INTO acme.users VALUES (1); INSERT INTO acme.orders VALUES (2, 7)")
    tenants.cleanup([RELATION])
    found = results(tenants.archive())
    assert {name: one["rows"] for name, one in found.items()} == {"acme": 1, NAMES[1]: 0}
    query(url, "INSERT INTO acme.users VALUES (7)")
    back = {tenant["name"]: tenant["exit_code"] for tenant in tenants.restore(1, RELATION)["tenants"]}
    assert back == {"acme": 0, NAMES[1]: 3}
    assert query(url, "SELECT id FROM acme.orders") == [(2,)]
    query(url, "DELETE FROM acme.users WHERE id = 7")
    tenants.cleanup([RELATION])
    assert results(tenants.purge(3600))["acme"]["rows"] == 0
    assert results(tenants.purge(0))["acme"]["rows"] == 1
    production = sqlrail.each(url, "migrations", schemas=ALL, environment="production")
    query(url, "INSERT INTO acme.orders VALUES (3, 7)")
    tenants.cleanup([RELATION])
    assert production.purge(0)["totals"]["refused"] == 1
    assert results(tenants.archive())["acme"]["rows"] == 1
    with pytest.raises(UsageError, match="is no relation"):
        tenants.restore(1, "nonsense")


def test_an_edited_file_is_accepted_and_one_that_is_late_or_gone_allowed(url: str) -> None:
    tenants = sqlrail.each(url, "migrations", schemas=ALL, environment="test")
    tenants.migrate()
    files = Path("migrations")
    put({"migrations/002_orders.sql": "CREATE TABLE orders (id int PRIMARY KEY, user_id bigint);\n"}, Path())
    assert tenants.migrate()["totals"]["refused"] == 2
    accepted = results(tenants.repair(["002_orders"])).values()
    assert [[it["id"] for it in one["repaired"]] for one in accepted] == [["002_orders"]] * 2  # type: ignore[attr-defined]
    put({"migrations/001b_late.sql": "CREATE TABLE late ();\n"}, Path())
    assert tenants.migrate()["totals"]["refused"] == 2
    assert tenants.migrate(allow_late=True)["totals"]["done"] == 2
    (files / "001_users.sql").unlink()
    assert tenants.migrate()["totals"]["refused"] == 2
    assert tenants.migrate(allow_missing=True)["totals"]["done"] == 2
    assert tenants.repair(forget=["001_users"])["totals"]["done"] == 2
    assert tenants.migrate()["totals"]["done"] == 2


def test_a_backfill_is_left_and_run_later(url: str) -> None:
    text = (
        "-- backfill: orders by id\n"
        "UPDATE orders SET user_id = 1 FROM sqlrail_batch AS b WHERE orders.id = b.id AND user_id IS NULL;\n"
    )
    put({"migrations/003_fill.sql": text}, Path())
    tenants = sqlrail.each(url, "migrations", schemas=ALL, environment="test")
    assert tenants.migrate(skip_backfills=True)["versions"] == {"002_orders": list(NAMES)}
    left = results(tenants.migrate(skip_backfills=True)).values()
    assert [one["left"] for one in left] == [["003_fill"]] * 2
    query(url, "INSERT INTO acme.orders VALUES (1)")
    done = tenants.backfill()
    assert (done["totals"]["done"], done["versions"]) == (2, {"003_fill": list(NAMES)})
    assert query(url, "SELECT user_id FROM acme.orders") == [(1,)]


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


def test_a_database_that_is_spelled_in_two_ways_is_migrated_once(
    server: local.Server, tmp_path: Path
) -> None:
    put(FILES, tmp_path)
    with fresh_database(server) as url:
        urls = [url, url.replace("&port=", "%2F.&port=")]
        done = sqlrail.each(urls, tmp_path / "migrations", environment="test").migrate()
        assert query(url, "SELECT count(*) FROM _yoyo_log WHERE operation = 'apply'") == [(2,)]
    assert (done["totals"]["done"], done["totals"]["failed"]) == (1, 1)
    (error,) = [tenant["error"] for tenant in done["tenants"] if "error" in tenant]
    assert "is the same database as" in error["message"]
