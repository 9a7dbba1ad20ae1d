"""What a site has beside the tables that are cleaned: event triggers, publications, triggers with odd names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import console
import psycopg
import pytest
import test_cleanup
from conftest import Connect
from console import Sqlrail
from listeners import Heard
from test_actions import clean_by
from test_cleanup import ORDERS, SHOP, archive, clean, contents, ids, settings

from sqlrail.errors import DatabaseFailed, MigrationFailed, Refused
from sqlrail.ground.events import nobody
from sqlrail.ground.relation import Relation
from sqlrail.ground.values import listed, names
from sqlrail.verbs import online
from sqlrail.verbs.cleanup import cleanup

Connection = psycopg.Connection[Any]
db = test_cleanup.db
shop = test_cleanup.shop
sqlrail = console.sqlrail

GUARD = """
    CREATE FUNCTION "need a key"() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
        IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() AS c WHERE object_type = 'table' AND NOT EXISTS (
            SELECT FROM pg_index WHERE indrelid = c.objid AND indisprimary)) THEN
            RAISE EXCEPTION 'a table has no primary key';
        END IF;
    END $$;
    CREATE EVENT TRIGGER site_guard ON ddl_command_end EXECUTE FUNCTION "need a key"();
"""


@pytest.mark.parametrize("way", ["cleanup", "online", "pre-step"])
def test_an_event_trigger_that_refuses_our_tables_is_named(
    way: str, any_database: str, connect: Connect, tmp_path: Path
) -> None:
    connection = connect(any_database)
    connection.execute(SHOP + GUARD)
    before = contents(connection)
    with pytest.raises(DatabaseFailed if way != "pre-step" else MigrationFailed) as caught:
        clean_by(way, connection, any_database, tmp_path)
    assert "The event trigger site_guard has refused a table that the cleanup makes for itself" in str(
        caught.value
    )
    assert (contents(connection), archive(connection)) == (before, [])
    connection.execute("ALTER EVENT TRIGGER site_guard DISABLE")
    clean_by(way, connection, any_database, tmp_path)
    assert ids(connection) == [10, 11, 12]


def test_what_a_rows_trigger_raises_is_no_event_triggers(shop: Connection, database: str) -> None:
    shop.execute(GUARD + "ALTER EVENT TRIGGER site_guard DISABLE;"
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;"
        "CREATE TRIGGER t BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION f()")  # fmt: skip
    with pytest.raises(DatabaseFailed) as caught:
        clean(database, allow_triggers=("t",))
    assert "event trigger" not in str(caught.value)


PUBLISHED = {
    "all tables": "CREATE PUBLICATION pub FOR ALL TABLES",
    "the schema": "CREATE PUBLICATION pub FOR TABLES IN SCHEMA public",
    "the table": "CREATE PUBLICATION pub FOR TABLE orders",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("how", PUBLISHED)
def test_a_table_without_a_replica_identity_that_is_published_is_refused_beforehand(
    how: str, any_database: str, connect: Connect
) -> None:
    connection = connect(any_database)
    connection.execute(SHOP + "ALTER TABLE orders DROP CONSTRAINT orders_pkey;" + PUBLISHED[how])
    (one,) = clean(any_database, dry_run=True).relations
    assert "orders is published (pub) and has no replica identity" in one.refusals[0]
    with pytest.raises(Refused, match="REPLICA IDENTITY FULL"):
        clean(any_database)
    connection.execute("ALTER TABLE orders REPLICA IDENTITY FULL")
    clean(any_database)
    assert ids(connection) == [10, 11, 12]


@pytest.mark.parametrize(
    "more",
    [
        "CREATE PUBLICATION pub FOR TABLE orders WITH (publish = 'insert')",
        "CREATE PUBLICATION pub FOR TABLE users",
        "ALTER TABLE orders ADD PRIMARY KEY (id); CREATE PUBLICATION pub FOR ALL TABLES",
        (
            "ALTER TABLE orders ALTER id SET NOT NULL; CREATE UNIQUE INDEX i ON orders (id);"
            "ALTER TABLE orders REPLICA IDENTITY USING INDEX i; CREATE PUBLICATION pub FOR ALL TABLES"
        ),
    ],
    ids=["only inserts", "another table", "a primary key", "an index"],
)
def test_what_postgresql_lets_be_deleted_is_cleaned(more: str, shop: Connection, database: str) -> None:
    shop.execute(f"ALTER TABLE orders DROP CONSTRAINT orders_pkey; {more}".encode())
    clean(database)
    assert ids(shop) == [10, 11, 12]


def test_a_partition_of_a_published_table_counts(db: Connection, database: str) -> None:
    db.execute(
        """CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);
        CREATE TABLE orders (id int, user_id int) PARTITION BY RANGE (id);
        CREATE TABLE low PARTITION OF orders FOR VALUES FROM (0) TO (10); INSERT INTO orders VALUES (1, 9), (2, 1);
        CREATE PUBLICATION pub FOR TABLE orders"""
    )
    with pytest.raises(Refused, match="low is published"):
        clean(database)


@pytest.mark.parametrize("way", [cleanup, online.cleanup])
def test_an_archive_that_is_published_is_said(way: Any, shop: Connection, database: str) -> None:
    shop.execute("CREATE PUBLICATION pub FOR ALL TABLES")
    heard = Heard()
    way(settings(database, max_share=1.0), heard, [Relation.parse(ORDERS)])
    assert any("goes to the subscribers of pub as well" in line for line in heard.said)
    assert ids(shop) == [10, 11, 12]


def test_an_archive_that_is_not_published_is_not_talked_of(shop: Connection, database: str) -> None:
    shop.execute("CREATE PUBLICATION pub FOR TABLE orders")
    heard = Heard()
    cleanup(settings(database), heard, [Relation.parse(ORDERS)])
    assert not any("subscribers" in line for line in heard.said)


# Triggers


@pytest.mark.parametrize(
    "name", ["plain", "Two words", 'notify, "DELETE"', '"', ",", " x ", 'a""b', "ünï, x"]
)
def test_a_name_can_be_said_among_others(name: str) -> None:
    assert names(f"first, {listed(name)},last") == ("first", name, "last")


def test_triggers_that_are_allowed_one_by_one_add_up(
    shop: Connection, database: str, sqlrail: Sqlrail
) -> None:
    shop.execute("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
    for name in ("one", '"two, or ""more"""'):
        shop.execute(
            f"CREATE TRIGGER {name} AFTER DELETE ON orders FOR EACH ROW EXECUTE FUNCTION f()".encode()
        )
    arguments = ["cleanup", "--relation", ORDERS, "--database-url", database]
    refused = sqlrail(*arguments, "--allow-triggers", "one")
    assert refused.code == 3
    hint = refused.err.partition("--allow-triggers ")[2].partition("). Nothing")[0]
    assert sqlrail(*arguments, "--allow-triggers", "one", "--allow-triggers", hint).code == 0
    assert ids(shop) == [10, 11, 12]


def test_a_relation_in_two_spellings_is_cleaned_once_and_leaves_nothing_alone(
    shop: Connection, database: str
) -> None:
    told = settings(database, max_share=1.0)
    result = online.cleanup(told, nobody, [Relation.parse(ORDERS), Relation.parse(f"public.{ORDERS}")])
    assert [(one.orphans, one.deleted, one.left) for one in result.relations] == [(1, 1, 0)]
    assert ids(shop) == [10, 11, 12]
