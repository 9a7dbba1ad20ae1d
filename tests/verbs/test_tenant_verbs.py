"""Cleanup, restore, rollback and the pre-step of a file for one tenant: they write to its schema, and to no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from aftermath import write
from conftest import query, run
from listeners import Heard

from sqlrail.errors import Refused
from sqlrail.ground.kinds import parse
from sqlrail.ground.settings import Settings
from sqlrail.verbs import online
from sqlrail.verbs.apply import migrate, status
from sqlrail.verbs.cleanup import cleanup
from sqlrail.verbs.restore import restore
from sqlrail.verbs.rollback import rollback

TABLES = "CREATE TABLE users (id int PRIMARY KEY);\nCREATE TABLE orders (id int PRIMARY KEY, user_id int);\n"
KEY = "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users;\n"
ROWS = "INSERT INTO {0}.users VALUES (1); INSERT INTO {0}.orders VALUES (1, 1), (2, 9), (3, 9)"
RELATION = parse("orders.user_id -> users.id")


@pytest.fixture
def acme(any_database: str, tmp_path: Path) -> Settings:
    """Settings of a tenant, beside another and shared tables of the same names."""
    query(
        any_database,
        f"CREATE SCHEMA acme; CREATE SCHEMA globex; {TABLES} CREATE TABLE visits (id int, user_id int)",
    )
    settings = Settings(
        database_url=any_database,
        migrations=write(tmp_path / "files", **{"001_a": TABLES}),
        environment="test",
    )
    for tenant in ("acme", "globex"):
        migrate(replace(settings, tenant=tenant), Heard())
    for schema in ("public", "acme", "globex"):
        query(any_database, ROWS.format(schema))
    return replace(settings, tenant="acme")


def orders(url: str) -> dict[str, list[int]]:
    text = "SELECT ARRAY(SELECT id FROM {0}.orders ORDER BY id)"
    return {schema: query(url, text.format(schema))[0][0] for schema in ("acme", "globex", "public")}


ALL = {schema: [1, 2, 3] for schema in ("acme", "globex", "public")}


def test_a_cleanup_archives_and_deletes_the_tenants_rows_and_a_restore_puts_back_no_others(
    acme: Settings, any_database: str
) -> None:
    done = cleanup(acme, Heard(), [RELATION])
    assert orders(any_database) == {**ALL, "acme": [1]}
    assert query(any_database, "SELECT DISTINCT source FROM sqlrail.archive") == [("acme.orders",)]
    assert done.run is not None
    with pytest.raises(Refused, match=r"run 1 is not of globex: it has archived rows of acme.orders"):
        restore(replace(acme, tenant="globex"), Heard(), done.run, force=True)
    restore(acme, Heard(), done.run, force=True)
    assert orders(any_database) == ALL


def test_a_cleanup_in_batches_keeps_to_the_schema(acme: Settings, any_database: str) -> None:
    online.cleanup(acme, Heard(), [RELATION])
    assert orders(any_database) == {**ALL, "acme": [1]}


@pytest.mark.parametrize("relation", ["visits.user_id -> users.id", "visits.id unique keep newest id"])
def test_a_cleanup_of_what_is_not_the_tenants_is_refused(
    acme: Settings, any_database: str, relation: str
) -> None:
    query(any_database, "INSERT INTO visits VALUES (1, 7), (1, 7)")
    with pytest.raises(Refused, match=r"public.visits is not in the schema acme"):
        cleanup(acme, Heard(), [parse(relation)])
    write(acme.migrations, **{"002_b": f"-- cleanup: {relation}\nSELECT 1;\n"})
    with pytest.raises(Refused, match=r"002_b.sql: .*public.visits is not in the schema acme"):
        migrate(acme, Heard())
    assert query(any_database, "SELECT count(*) FROM visits") == [(2,)]


def test_the_keys_of_others_are_no_relations_of_the_tenants(acme: Settings, any_database: str) -> None:
    for schema in ("acme", "globex"):
        query(any_database, f"SET search_path = {schema}; {KEY.replace(';', ' NOT VALID;')}")
    done = cleanup(acme, Heard(), dry_run=True)
    assert [(str(one.relation), one.orphans) for one in done.relations] == [("orders.user_id -> users.id", 2)]


def test_a_file_cleans_the_tenants_rows_and_its_way_back_takes_back_what_is_the_tenants(
    acme: Settings, any_database: str
) -> None:
    write(acme.migrations, **{"002_key": f"-- cleanup: {RELATION}\n{KEY}"})
    (acme.migrations / "002_key.rollback.sql").write_text(
        "ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey;\n"
    )
    migrate(acme, Heard())
    assert orders(any_database) == {**ALL, "acme": [1]}
    rollback(acme, Heard())
    assert [entry.state for entry in status(acme, Heard()).entries] == ["applied", "pending"]
    assert query(any_database, "SELECT FROM pg_constraint WHERE contype = 'f'") == []
    (acme.migrations / "001_a.rollback.sql").write_text("DROP TABLE orders;\nDROP TABLE visits;\n")
    with pytest.raises(Refused, match=r"it changes public.visits, outside of the schema acme"):
        rollback(acme, Heard())
    assert orders(any_database) == {**ALL, "acme": [1]}


def test_each_of_many_is_cleaned_in_its_own_schema(acme: Settings, any_database: str) -> None:
    each = ("--each", "SELECT unnest(ARRAY['acme', 'globex'])", "--relation", str(RELATION))
    env = {"DATABASE_URL": any_database, "APP_ENV": "test"}
    done = run("cleanup", *each, "--migrations", acme.migrations, env=env)
    assert (done.returncode, orders(any_database)) == (0, {"acme": [1], "globex": [1], "public": [1, 2, 3]})
    assert query(any_database, "SELECT source, count(*) FROM sqlrail.archive GROUP BY source ORDER BY source") == [
        ("acme.orders", 2), ("globex.orders", 2),
    ]  # fmt: skip
