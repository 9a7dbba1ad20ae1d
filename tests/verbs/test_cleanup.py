"""The cleanup: what it refuses, what it deletes, and that the archive has every cell of it."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aftermath import FIXTURES, IDS, ORPHAN, attempt
from conftest import Connect, document_of, majors, needs
from listeners import Heard
from psycopg import sql
from traces import traces
from waiting import wait_until_blocked

from sqlrail.cli.main import main
from sqlrail.engine import session
from sqlrail.errors import DatabaseFailed, MigrationFailed, Refused
from sqlrail.ground.events import nobody
from sqlrail.ground.kinds import parse
from sqlrail.ground.relation import Relation
from sqlrail.ground.settings import Settings
from sqlrail.orphans.cleaned import Cleaned
from sqlrail.postgres.connect import connect as open_connection
from sqlrail.verbs import cleanup as room
from sqlrail.verbs.apply import Migrated, migrate
from sqlrail.verbs.cleanup import Cleanup

Connection = psycopg.Connection[Any]

ORDERS = "orders.user_id -> users.id"
#: Ada and Grace, an order of each, one of nobody, and one of somebody who is gone
SHOP = """
    CREATE TABLE users (id int PRIMARY KEY, name text);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int, total numeric);
    INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace');
    INSERT INTO orders VALUES (10, 1, 5), (11, 2, 6), (12, NULL, 7), (13, 99, 8);
"""


def settings(url: str, **more: Any) -> Settings:
    given = {"environment": "test", "actor": "tester", "host": "here", "retry_for": 0.0, "lock_wait": 20.0}
    return Settings(database_url=url, **{**given, **more})


def clean(url: str, *relations: str, dry_run: bool = False, **more: Any) -> Cleanup:
    named = [parse(relation) for relation in relations or (ORDERS,)]
    return room.cleanup(settings(url, **more), nobody, named, dry_run=dry_run)


def apply(url: str, folder: Path, **files: str) -> Migrated:
    for name, text in files.items():
        (folder / f"{name.strip('_')}.sql").write_text(text)
    return migrate(settings(url, migrations=folder), nobody)


def contents(connection: Connection) -> dict[str, Counter[str]]:
    """Every row of every table that is neither ours nor yoyo's, each under the table that holds it."""
    tables = connection.execute(
        r"""SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
             WHERE relkind = 'r' AND n.nspname !~ '^(pg_|information_schema$|sqlrail$)' AND relname !~ '^_?yoyo'"""
    ).fetchall()
    read = sql.SQL("SELECT to_jsonb(t)::text FROM ONLY {} AS t")
    return {
        sql.Identifier(*table).as_string(): Counter(
            row for (row,) in connection.execute(read.format(sql.Identifier(*table)))
        )
        for table in tables
    }


def archive(connection: Connection) -> list[tuple[str, str, dict[str, str | None]]]:
    """Source, action and cells of what was archived, in order."""
    if connection.execute("SELECT to_regclass('sqlrail.archive')").fetchall() == [(None,)]:
        return []
    return connection.execute("SELECT source, action, cells FROM sqlrail.archive ORDER BY id").fetchall()


def ids(connection: Connection, table: str = "orders") -> list[int]:
    return [id_ for (id_,) in connection.execute(f"SELECT id FROM {table} ORDER BY id".encode())]


def refusal(connection: Connection, url: str, *relations: str, **more: Any) -> str:
    """What a refused cleanup says, when it has changed nothing; the dry run says it before."""
    before = contents(connection), archive(connection)
    preview = clean(url, *relations, dry_run=True, **more)
    assert any(one.refusals or one.skipped for one in preview.relations)
    with pytest.raises(Refused, match=r"Nothing was changed\.$") as caught:
        clean(url, *relations, **more)
    assert (contents(connection), archive(connection)) == before
    assert caught.value.exit_code == 3
    return str(caught.value)


@pytest.fixture
def db(database: str, connect: Connect) -> Connection:
    return connect(database)


@pytest.fixture
def shop(db: Connection) -> Connection:
    db.execute(SHOP)
    return db


@pytest.fixture
def role(database: str, db: Connection) -> Iterator[str]:
    """A role without any right or ownership; it is gone after the test."""
    name = "visitor_" + database.partition("/test_")[2].partition("?")[0]
    db.execute(f"CREATE ROLE {name}".encode())
    try:
        yield name
    finally:
        db.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


def as_role(url: str, role: str) -> str:
    return f"{url}&options=-c%20role%3D{role}"


@pytest.fixture
def command(database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., int]]:
    """The command line within this process, in an empty folder."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("APP_ENV", "test")
    yield lambda *arguments: main(arguments)
    for number, handler in handlers.items():
        signal.signal(number, handler)


# The plain case


def test_orphans_are_archived_and_deleted_and_all_other_rows_stay(
    any_database: str, connect: Connect
) -> None:
    connection = connect(any_database)
    connection.execute(SHOP)
    before = connection.execute("SELECT ctid, xmin, * FROM orders WHERE id <> 13 ORDER BY id").fetchall()
    result = clean(any_database)
    assert result == Cleanup(1, False, (Cleaned(Relation.parse(ORDERS), 1, 1, 1, run=1),))
    assert connection.execute("SELECT ctid, xmin, * FROM orders ORDER BY id").fetchall() == before
    assert archive(connection) == [("public.orders", "orphan", {"id": "13", "user_id": "99", "total": "8"})]


def test_a_second_cleanup_finds_nothing_and_makes_no_run(shop: Connection, database: str) -> None:
    clean(database)
    assert clean(database) == Cleanup(None, False, (Cleaned(Relation.parse(ORDERS)),))
    assert shop.execute("SELECT count(*) FROM sqlrail.run").fetchall() == [(1,)]


def test_a_deletion_is_a_run_that_says_who_when_and_what(shop: Connection, database: str) -> None:
    shop.execute("CREATE TABLE carts AS SELECT 1 AS id, 98 AS user_id")
    result = clean(database, ORDERS, "carts.user_id -> users.id", "users.id -> users.id")
    assert [one.run for one in result.relations] == [1, 1, None]
    ((id_, verb, file, actor, role, recent, relations),) = shop.execute(
        "SELECT id, verb, migration_id, actor, role, started_at > now() - interval '1 minute', relations "
        "FROM sqlrail.run"
    ).fetchall()
    assert (id_, verb, file, actor, role, recent) == (1, "cleanup", None, "tester", shop.info.user, True)
    assert relations == [
        {"relation": ORDERS, "parent": "public.users", "orphans": 1, "deleted": 1, "archived": 1},
        {
            "relation": "carts.user_id -> users.id",
            "parent": "public.users",
            "orphans": 1,
            "deleted": 1,
            "archived": 1,
        },
    ]
    assert shop.execute("SELECT DISTINCT run FROM sqlrail.archive").fetchall() == [(1,)]


def test_the_pre_steps_of_two_files_are_two_runs(shop: Connection, database: str, tmp_path: Path) -> None:
    shop.execute("CREATE TABLE carts AS SELECT 1 AS id, 98 AS user_id")
    result = apply(
        database, tmp_path,
        _001=f"-- cleanup: {ORDERS}\nSELECT 1;", _002="-- cleanup: carts.user_id -> users.id\nSELECT 2;",
    )  # fmt: skip
    assert [done.cleanup[0].run for done in result.applied] == [1, 2]
    assert shop.execute("SELECT id, verb, migration_id FROM sqlrail.run ORDER BY id").fetchall() == [
        (1, "migrate", "001"),
        (2, "migrate", "002"),
    ]


# Guards: what they prevent stands in test_guards.py


def careless(connection: Connection, statement: str) -> list[int]:
    """The orders that a statement leaves, in a transaction that is thrown away."""
    with connection.transaction(force_rollback=True):
        connection.execute(statement.encode())
        return ids(connection)


CARELESS = "DELETE FROM orders WHERE user_id NOT IN (SELECT id FROM users)"
WIPER = (
    "CREATE FUNCTION wipe() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM orders WHERE total < 7; "
    "RETURN OLD; END'; CREATE TRIGGER wiper AFTER DELETE ON orders FOR EACH ROW EXECUTE FUNCTION wipe()"
)
KEEPER = (
    "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
    "CREATE TRIGGER keeper BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION keep()"
)


def test_a_key_that_the_parent_lacks_is_skipped_where_it_would_bind_to_the_child(
    shop: Connection, database: str
) -> None:
    shop.execute("ALTER TABLE users RENAME id TO user_no")
    assert careless(shop, CARELESS) == [12]  # "id" is the order's own now
    with pytest.raises(Refused, match='"users" has no column id'):
        clean(database)
    assert ids(shop) == [10, 11, 12, 13]


@pytest.mark.parametrize(
    ("relation", "skipped"),
    [
        ("orders.customer -> users.id", "orders has no column customer"),
        ("orders.user_id -> customers.id", "there is no table customers"),
        ("invoices.user_id -> users.id", "there is no table invoices"),
        ("nowhere.orders.user_id -> users.id", "there is no table nowhere.orders"),
    ],
)
def test_what_is_absent_is_skipped_where_declared_and_refused_where_named(
    shop: Connection, database: str, tmp_path: Path, relation: str, skipped: str
) -> None:
    (seen,) = clean(database, relation, dry_run=True).relations
    (tmp_path / "001_declares.sql").write_text(f"-- cleanup: {relation}\nSELECT 1;\n")
    (declared,) = room.cleanup(settings(database, migrations=tmp_path), nobody).relations
    for one in (seen, declared):
        assert one.skipped is not None
        assert one.skipped.replace('"', "") == skipped
    with pytest.raises(Refused) as refused:
        clean(database, relation)
    assert skipped in str(refused.value).replace('"', "")
    assert ids(shop) == [10, 11, 12, 13]


@pytest.mark.parametrize("force", [False, True], ids=["not the owner", "forced upon the owner"])
def test_row_level_security_that_hides_parents_refuses(
    shop: Connection, database: str, role: str, force: bool
) -> None:
    shop.execute(
        f"""CREATE POLICY mine ON users USING (id = 1); ALTER TABLE users ENABLE ROW LEVEL SECURITY;
        GRANT ALL ON users, orders TO {role}; GRANT CREATE ON SCHEMA public TO {role};
        CREATE SCHEMA sqlrail AUTHORIZATION {role};""".encode()
    )
    if force:
        shop.execute(
            f"ALTER TABLE users OWNER TO {role}; ALTER TABLE users FORCE ROW LEVEL SECURITY".encode()
        )
    with psycopg.connect(as_role(database, role)) as visitor:
        visitor.execute(CARELESS.encode())
        assert ids(visitor) == [10, 12]  # Grace's order is gone, and Grace is there
        visitor.rollback()
    with pytest.raises(Refused, match="row-level security policy"):
        clean(as_role(database, role))
    assert ids(shop) == [10, 11, 12, 13]


@needs("a superuser, whom no policy holds up")
def test_row_level_security_that_hides_nothing_from_the_role_is_no_hindrance(
    shop: Connection, database: str
) -> None:
    shop.execute(
        "CREATE POLICY mine ON users USING (id = 1); ALTER TABLE users ENABLE ROW LEVEL SECURITY;"
        "ALTER TABLE users FORCE ROW LEVEL SECURITY"
    )
    assert clean(database).relations[0].deleted == 1


def test_a_foreign_table_is_refused(db: Connection, database: str, shop: Connection) -> None:
    db.execute(
        """CREATE FOREIGN DATA WRAPPER elsewhere; CREATE SERVER far FOREIGN DATA WRAPPER elsewhere;
        CREATE FOREIGN TABLE far_orders (id int, user_id int) SERVER far"""
    )
    with pytest.raises(Refused, match='"far_orders" is not a table'):
        clean(database, "far_orders.user_id -> users.id")
    assert ids(shop) == [10, 11, 12, 13]


def test_a_partition_that_is_a_foreign_table_is_refused(db: Connection, database: str) -> None:
    db.execute(
        """CREATE FOREIGN DATA WRAPPER elsewhere; CREATE SERVER far FOREIGN DATA WRAPPER elsewhere;
        CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);
        CREATE TABLE orders (id int, user_id int) PARTITION BY RANGE (id);
        CREATE TABLE near PARTITION OF orders FOR VALUES FROM (0) TO (10);
        CREATE FOREIGN TABLE beyond PARTITION OF orders FOR VALUES FROM (10) TO (20) SERVER far;
        INSERT INTO orders VALUES (1, 99)"""
    )
    with pytest.raises(Refused, match="has a partition that is a foreign table"):
        clean(database, lock_timeout=1.0)
    assert db.execute("SELECT count(*) FROM near").fetchall() == [(1,)]


def test_an_allowed_trigger_that_keeps_rows_is_found_out(shop: Connection, database: str) -> None:
    shop.execute(KEEPER.encode())
    with pytest.raises(Refused, match="1 of 1 rows would stay, because a trigger keeps them"):
        clean(database, allow_triggers=("keeper",))
    assert ids(shop) == [10, 11, 12, 13]
    assert archive(shop) == []


def test_a_trigger_fires_when_it_is_allowed_by_name(shop: Connection, database: str) -> None:
    shop.execute(WIPER.encode())
    assert "wiper" in refusal(shop, database, allow_triggers=("viper",))
    assert clean(database, allow_triggers=("wiper",)).relations[0].triggers == ("wiper on public.orders",)
    assert ids(shop) == [12]


def test_every_trigger_that_is_not_allowed_is_named(shop: Connection, database: str) -> None:
    shop.execute(
        """CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER one AFTER DELETE ON orders EXECUTE FUNCTION look();
        CREATE TRIGGER "Two" AFTER INSERT OR DELETE ON orders FOR EACH ROW EXECUTE FUNCTION look();
        CREATE TRIGGER other AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION look()"""
    )
    message = refusal(shop, database)
    assert 'the triggers "Two" on public.orders, one on public.orders would fire' in message
    assert "--allow-triggers Two,one" in message
    clean(database, allow_triggers=("Two", "one"))


@pytest.mark.parametrize("how", ["DISABLE TRIGGER wiper", "ENABLE REPLICA TRIGGER wiper"])
def test_a_trigger_that_does_not_fire_is_ignored(shop: Connection, database: str, how: str) -> None:
    shop.execute(WIPER.encode())
    shop.execute(f"ALTER TABLE orders {how}".encode())
    assert clean(database).relations[0].triggers == ()
    assert ids(shop) == [10, 11, 12]


@pytest.mark.parametrize(
    ("orphans", "rows", "more", "goes"),
    [
        (999, 1000, {}, True),
        (1000, 1000, {}, True),
        (1001, 1001, {}, False),
        (1001, 10_010, {}, True),
        (1001, 10_009, {}, False),
        (1500, 2000, {"max_share": 0.75}, True),
        (1500, 2000, {"max_share": 0.74}, False),
        (1500, 2000, {"max_rows": 1500}, True),
        (1500, 2000, {"max_rows": 1499}, False),
        (1, 10, {"max_rows": 0}, True),
        (2, 10, {"max_rows": 0}, False),
    ],
)
def test_many_orphans_that_are_a_large_share_refuse(
    db: Connection, database: str, orphans: int, rows: int, more: dict[str, Any], goes: bool
) -> None:
    db.execute(
        f"""CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (0);
        CREATE TABLE orders AS SELECT n AS id, CASE WHEN n <= {orphans} THEN n ELSE 0 END AS user_id
        FROM generate_series(1, {rows}) AS n""".encode()
    )
    if goes:
        assert clean(database, **more).relations[0].deleted == orphans
        assert db.execute("SELECT count(*) FROM orders").fetchall() == [(rows - orphans,)]
        assert db.execute("SELECT count(*) FROM sqlrail.archive").fetchall() == [(orphans,)]
    else:
        assert f"{orphans} of {rows} rows are orphans" in refusal(db, database, **more)


# The command line


def test_a_refusal_exits_with_3_and_says_what_to_do(
    shop: Connection, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    shop.execute("INSERT INTO orders SELECT n, n FROM generate_series(1001, 3000) AS n")
    assert command("cleanup", "--relation", ORDERS) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "2001 of 2004 rows are orphans" in err
    assert "--max-share or --max-rows" in err
    assert command("--json", "cleanup", "--relation", ORDERS, "--max-share", "5%") == 3
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "refused"
    assert command("cleanup", "--relation", ORDERS, "--max-rows", "2001") == 0
    assert "2,001 rows deleted, 2,001 rows archived (run 1)" in capsys.readouterr().out


def test_the_flag_allows_triggers_by_name(
    shop: Connection, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    shop.execute(WIPER.encode())
    assert command("cleanup", "--relation", ORDERS) == 3
    assert "--allow-triggers wiper" in capsys.readouterr().err
    assert command("cleanup", "--relation", ORDERS, "--allow-triggers", "wiper") == 0
    assert "trigger wiper on public.orders" in capsys.readouterr().out


def test_the_relations_are_those_that_the_files_declare(
    shop: Connection, command: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "001_a.sql").write_text(f"-- cleanup: {ORDERS}\nSELECT 1;")
    (folder / "002_b.sql").write_text(f"-- cleanup: {ORDERS}\n-- cleanup: a.b -> c.d\nSELECT 1;")
    assert command("--json", "cleanup") == 0
    result = json.loads(capsys.readouterr().out)
    relations = [(one["child"], one["deleted"], one["skipped"]) for one in result["relations"]]
    assert relations == [("orders", 1, None), ("a", 0, "there is no table " + '"a"')]
    assert ids(shop) == [10, 11, 12]


def test_the_json_has_what_scripts_may_rely_on(
    shop: Connection, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    shop.execute("CREATE TABLE lines (order_id int REFERENCES orders ON DELETE CASCADE)")
    arguments = ("cleanup", "--json", "--relation", ORDERS)
    common = {
        "kind": "relation", "check": None, "value": None, "duplicates": None,
        "child": "orders", "column": "user_id", "columns": ["user_id"], "parent": "users", "key": "id", "keys": ["id"],
        "orphans": 1, "timestamp": None, "oldest": None, "newest": None, "skipped": None, "refusals": [],
        "action": "delete", "undecided": False, "changed": 0, "mixed_keys": 0, "counted_before": [],
        "triggers": [], "cascades": ["lines_order_id_fkey: cascade"], "foreign_keys": [],
    }  # fmt: skip
    seen = {
        "rows": 4, "missing_keys": 1, "null_keys": 1,
        "samples": [{"key": {"user_id": "99"}, "row": {"id": "13"}, "rows": 1}],
    }  # fmt: skip
    unseen: dict[str, Any] = {"rows": None, "missing_keys": None, "null_keys": None, "samples": []}
    assert command(*arguments, "--dry-run") == 0
    assert document_of(capsys.readouterr().out) == {
        "run": None,
        "dry_run": True,
        "relations": [{**common, **seen, "deleted": 0, "archived": 0, "left": 0, "run": None}],
    }
    assert command(*arguments) == 0
    assert document_of(capsys.readouterr().out) == {
        "run": 1,
        "dry_run": False,
        "relations": [{**common, **unseen, "deleted": 1, "archived": 1, "left": 0, "run": 1}],
    }


def test_a_dry_run_changes_nothing_and_takes_no_transaction_id(
    shop: Connection, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    shop.execute(WIPER.encode())
    shop.execute("CREATE TABLE lines (order_id int REFERENCES orders ON DELETE SET NULL)")
    before = traces(shop)
    assert command("cleanup", "--dry-run", "--relation", ORDERS) == 0
    assert traces(shop) == before
    out = capsys.readouterr().out
    assert "would be refused: the trigger wiper on public.orders would fire" in out
    assert "  trigger wiper on public.orders\n  foreign key lines_order_id_fkey: set null\n" in out
    assert out.endswith("dry run: nothing was changed\n")


# Names, shapes of tables


HOSTILE = [
    'a"b', "a.b", "$guard$", "$lock$", "x$lock$; DROP TABLE users; --", "$deferred$", "50%", "%s %(a)s", "{child}",
    "{}", "Größe 表", "UPPER", "it's", "back\\slash", "new\nline", "select", "a->b", "--x", "$1", " ",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_names(db: Connection, database: str, name: str) -> None:
    quoted = sql.Identifier(name)
    db.execute(
        sql.SQL(
            """CREATE SCHEMA {0}; CREATE TABLE {0}.{0} ({0} int PRIMARY KEY, other text);
            CREATE TABLE {0}.child ({0} int, more int, id int PRIMARY KEY);
            CREATE TABLE {0}.line (id int, {0} int REFERENCES {0}.child ON DELETE CASCADE);
            INSERT INTO {0}.{0} VALUES (1, 'one'); INSERT INTO {0}.child VALUES (1, 1, 1), (9, 2, 2), (NULL, 3, 3);
            INSERT INTO {0}.line VALUES (1, 1), (2, 2);"""
        ).format(quoted)
    )
    text = (
        f"{sql.Identifier(name, 'child', name).as_string()} -> {sql.Identifier(name, name, name).as_string()}"
    )
    (one,) = clean(database, text).relations
    assert (one.deleted, one.archived) == (1, 2)
    assert db.execute(sql.SQL("SELECT {0} FROM {0}.child ORDER BY id").format(quoted)).fetchall() == [
        (1,),
        (None,),
    ]
    assert [cells for _, _, cells in archive(db)] == [
        {"id": "2", name: "2"},
        {name: "9", "more": "2", "id": "2"},
    ]
    assert clean(database, text).relations[0].orphans == 0


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Orders.User_ID -> USERS.id", ORDERS),
        ('"Orders".x -> a . "b""c" . d', '"Orders".x -> a."b""c".d'),
        ("Ärger.ÜBER -> É.İ", '"Ärger"."Über" -> "É"."İ"'),
        ("a$.b -> c.d$", '"a$".b -> c."d$"'),
    ],
)
def test_names_are_read_as_postgresql_reads_them(db: Connection, text: str, printed: str) -> None:
    relation = Relation.parse(text)
    assert str(relation) == printed
    assert Relation.parse(str(relation)) == relation
    child = text.split("->")[0]
    (cells,) = db.execute("SELECT parse_ident(%s)", [child]).fetchall()
    assert cells == ([*relation.child, *relation.columns],)


@pytest.mark.parametrize(
    "text", ["", "a -> b", "a.b -> c", "a.b", "a.b.c.d -> e.f", "a.b -> c.d; e", '"".b -> c.d', "1a.b -> c.d"]
)
def test_what_is_no_relation_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        Relation.parse(text)


def test_rows_of_other_partitions_with_the_same_place_stay(db: Connection, database: str) -> None:
    db.execute(
        """CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);
        CREATE TABLE orders (id int, user_id int, part int) PARTITION BY LIST (part);
        CREATE TABLE one PARTITION OF orders FOR VALUES IN (1);
        CREATE TABLE two (part int, id int, user_id int);  -- other numbers of columns
        ALTER TABLE orders ATTACH PARTITION two FOR VALUES IN (2);
        CREATE TABLE deep PARTITION OF orders FOR VALUES IN (3, 4) PARTITION BY LIST (part);
        CREATE TABLE three PARTITION OF deep FOR VALUES IN (3);
        CREATE TABLE four PARTITION OF deep DEFAULT;
        INSERT INTO orders VALUES (1, 99, 1), (2, NULL, 2), (3, 1, 3), (4, 98, 4),
                                  (5, NULL, 1), (6, 97, 2), (7, 1, 4), (8, NULL, 3)"""
    )
    places = db.execute(
        "SELECT count(DISTINCT ctid), count(DISTINCT tableoid), count(*) FROM orders"
    ).fetchall()
    assert places == [(2, 4, 8)]
    assert clean(database).relations[0].deleted == 3
    assert ids(db) == [2, 3, 5, 7, 8]
    assert sorted(cells["id"] or "" for _, _, cells in archive(db)) == ["1", "4", "6"]
    db.execute("ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users")


def test_inherited_rows_are_not_the_tables_own(db: Connection, database: str) -> None:
    db.execute(
        SHOP
        + """CREATE TABLE old_orders () INHERITS (orders); INSERT INTO old_orders VALUES (20, 98), (21, 1);
        CREATE TABLE admins () INHERITS (users); INSERT INTO admins VALUES (98, 'Root');
        ALTER TABLE orders ADD CONSTRAINT its FOREIGN KEY (user_id) REFERENCES users NOT VALID"""
    )
    assert clean(database).relations[0].deleted == 1
    assert ids(db) == [10, 11, 12, 20, 21]
    db.execute("ALTER TABLE orders VALIDATE CONSTRAINT its")


@pytest.mark.usefixtures("shop")
def test_a_temporary_table_in_front_of_the_real_one_is_not_taken_for_it(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pooler's session may have one that another client has left: nearly all rows would be orphans of it."""

    def connect_to_leftovers(*how: Any) -> Connection:
        connection = open_connection(*how)
        connection.pgconn.exec_(b"CREATE TEMP TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1)")
        return connection

    monkeypatch.setattr(session, "connect", connect_to_leftovers)
    assert clean(database).relations[0].deleted == 1


EMPLOYEES = """
    CREATE TABLE employee (id int PRIMARY KEY, manager_id int);
    INSERT INTO employee VALUES (1, NULL), (2, 1), (3, 99), (4, 3), (5, 4), (6, 6), (7, 8), (8, 7);
"""


def test_a_table_that_refers_to_itself_is_cleaned_down_to_the_last_row(db: Connection, database: str) -> None:
    db.execute(EMPLOYEES)
    result = clean(database, "employee.manager_id -> employee.id")
    assert (result.relations[0].orphans, result.relations[0].deleted, result.relations[0].archived) == (
        3,
        3,
        3,
    )
    assert ids(db, "employee") == [1, 2, 6, 7, 8]
    assert [cells["id"] for _, _, cells in archive(db)] == ["3", "4", "5"]
    db.execute("ALTER TABLE employee ADD FOREIGN KEY (manager_id) REFERENCES employee")


TREES = {
    "by two columns": """CREATE TABLE t (part int, id int, up int, PRIMARY KEY (part, id));
        INSERT INTO t SELECT 1, id, manager_id FROM employee UNION ALL SELECT 2, id, NULL FROM employee""",
    "in parts": """CREATE TABLE t (part int, id int, up int, PRIMARY KEY (part, id)) PARTITION BY LIST (id);
        CREATE TABLE t_3 PARTITION OF t FOR VALUES IN (3); CREATE TABLE t_rest PARTITION OF t DEFAULT;
        INSERT INTO t SELECT 1, id, manager_id FROM employee""",
    "under a key": """CREATE TABLE t (part int, id int, up int, PRIMARY KEY (part, id));
        INSERT INTO t SELECT 1, id, manager_id FROM employee;
        ALTER TABLE t ADD FOREIGN KEY (part, up) REFERENCES t (part, id) NOT VALID""",
}


@pytest.mark.parametrize("kind", TREES)
def test_rows_below_orphans_of_the_same_table_go_with_them(kind: str, any_database: str) -> None:
    with psycopg.connect(any_database, autocommit=True) as db:
        db.execute(EMPLOYEES + TREES[kind])
        result = clean(any_database, "t.(part, up) -> t.(part, id) delete").relations[0]
        assert (result.orphans, result.deleted, result.archived) == (3, 3, 3)
        left = db.execute("SELECT id FROM t WHERE part = 1 ORDER BY id").fetchall()
        assert left == [(1,), (2,), (6,), (7,), (8,)]
        db.execute("ALTER TABLE t ADD FOREIGN KEY (part, up) REFERENCES t (part, id)")


@pytest.mark.promise
def test_a_chain_of_thousands_goes_in_one_transaction_and_in_no_time(db: Connection, database: str) -> None:
    db.execute(
        """CREATE TABLE t (id int PRIMARY KEY, up int); INSERT INTO t VALUES (0, NULL);
        INSERT INTO t SELECT n, n - 1 FROM generate_series(2, 3001) AS n; ANALYZE t"""
    )
    began = time.monotonic()
    # Though the look has seen one orphan.
    assert clean(database, "t.up -> t.id", max_share=1.0).relations[0].deleted == 3000
    assert time.monotonic() - began < 15
    assert ids(db, "t") == [0]
    done = {
        "relation": "t.up -> t.id",
        "parent": "public.t",
        "orphans": 3000,
        "deleted": 3000,
        "archived": 3000,
    }
    assert db.execute("SELECT relations FROM sqlrail.run").fetchall() == [([done],)]


def test_rounds_over_a_table_count_together_against_the_limit(db: Connection, database: str) -> None:
    db.execute(EMPLOYEES)
    with pytest.raises(Refused, match="3 of 8 rows are orphans, more than 2 rows and 25 %"):
        clean(database, "employee.manager_id -> employee.id", max_rows=2, max_share=0.25)
    assert len(ids(db, "employee")) == 8
    assert clean(database, "employee.manager_id -> employee.id", max_rows=3).relations[0].deleted == 3


def test_a_relation_of_a_file_to_itself_can_have_its_key_in_one_go(
    db: Connection, database: str, tmp_path: Path
) -> None:
    db.execute(EMPLOYEES)
    apply(
        database,
        tmp_path,
        _001="-- cleanup: employee.manager_id -> employee.id\n"
        "ALTER TABLE employee ADD FOREIGN KEY (manager_id) REFERENCES employee;",
    )
    assert ids(db, "employee") == [1, 2, 6, 7, 8]


def test_deleted_rows_that_were_parents_leave_no_orphans_behind(db: Connection, database: str) -> None:
    db.execute(
        """CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int);
        CREATE TABLE c (id int PRIMARY KEY, b int); CREATE TABLE d (id int PRIMARY KEY, c int);
        INSERT INTO a VALUES (1); INSERT INTO b VALUES (1, 1), (2, 9); INSERT INTO c VALUES (1, 1), (2, 2), (3, 7);
        INSERT INTO d VALUES (1, 1), (2, 2), (3, 3)"""
    )
    result = clean(database, "d.c -> c.id", "c.b -> b.id", "b.a -> a.id")
    assert [one.deleted for one in result.relations] == [2, 2, 1]
    assert len(archive(db)) == 5
    assert clean(database, "d.c -> c.id", "c.b -> b.id", "b.a -> a.id").run is None


# Cascades


def check_cascades(
    connection: Connection, url: str, *relations: str, **more: Any
) -> Counter[tuple[str, str]]:
    """Cleans, and holds the archive against what really happened, row by row."""
    key = "(SELECT jsonb_object_agg(k, v ORDER BY k) FROM jsonb_each_text(to_jsonb(t)) AS e(k, v))"
    tables = [
        name
        for (name,) in connection.execute(
            "SELECT format('%I.%I', nspname, relname) FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace "
            "WHERE relkind = 'r' AND nspname = 'public' AND relname !~ '^_?yoyo'"
        )
    ]

    def look() -> dict[str | None, dict[str, str | None]]:
        return {
            cells["no"]: cells
            for name in tables
            for (cells,) in connection.execute(f"SELECT {key} FROM ONLY {name} AS t".encode())
        }

    before = look()
    result = clean(url, *relations, **more)
    after = look()
    expected = {
        ("changed" if no in after else "gone", json.dumps(cells, sort_keys=True))
        for no, cells in before.items()
        if after.get(no) != cells
    }
    archived = [
        ("changed" if action.startswith("set") else "gone", json.dumps(cells, sort_keys=True))
        for _, action, cells in archive(connection)
    ]
    assert len(archived) == len(set(archived))
    assert set(archived) == expected
    assert sum(one.archived for one in result.relations) == len(archived)
    return Counter((source.removeprefix("public."), action) for source, action, _ in archive(connection))


BASE = """
    CREATE TABLE users (no text, id int PRIMARY KEY); INSERT INTO users VALUES ('u1', 1);
    CREATE TABLE orders (no text, id int PRIMARY KEY, user_id int, UNIQUE (id, user_id));
    INSERT INTO orders VALUES ('o1', 1, 1), ('o2', 2, 99), ('o3', 3, 98), ('o4', 4, NULL);
"""

CASCADES = {
    "two levels": (
        """CREATE TABLE b (no text, id int PRIMARY KEY, o int REFERENCES orders ON DELETE CASCADE);
        CREATE TABLE c (no text, b int REFERENCES b ON DELETE CASCADE);
        INSERT INTO b VALUES ('b1', 1, 1), ('b2', 2, 2), ('b3', 3, 3), ('b4', 4, NULL);
        INSERT INTO c VALUES ('c1', 1), ('c2', 2), ('c3', 2), ('c4', NULL)""",
        {("orders", "orphan"): 2, ("b", "cascade"): 2, ("c", "cascade"): 2},
    ),
    "a diamond": (
        """CREATE TABLE b (no text, id int PRIMARY KEY, o int REFERENCES orders ON DELETE CASCADE);
        CREATE TABLE c (no text, id int PRIMARY KEY, o int REFERENCES orders ON DELETE CASCADE);
        CREATE TABLE d (no text, b int REFERENCES b ON DELETE CASCADE, c int REFERENCES c ON DELETE CASCADE);
        INSERT INTO b VALUES ('b1', 1, 1), ('b2', 2, 2); INSERT INTO c VALUES ('c1', 1, 1), ('c2', 2, 2);
        INSERT INTO d VALUES ('d1', 1, 1), ('d2', 1, 2), ('d3', 2, 1), ('d4', 2, 2)""",
        {("orders", "orphan"): 2, ("b", "cascade"): 1, ("c", "cascade"): 1, ("d", "cascade"): 3},
    ),
    "a lopsided diamond that deletes on one side and sets null on the other": (
        """CREATE TABLE b (no text, id int PRIMARY KEY, o int REFERENCES orders ON DELETE CASCADE);
        CREATE TABLE d (no text, id int PRIMARY KEY, b int REFERENCES b ON DELETE CASCADE,
                        o int REFERENCES orders ON DELETE SET NULL);
        CREATE TABLE e (no text, d int REFERENCES d ON DELETE CASCADE);
        INSERT INTO b VALUES ('b1', 1, 1), ('b2', 2, 2);
        INSERT INTO d VALUES ('d1', 1, 1, 1), ('d2', 2, 1, 2), ('d3', 3, 2, 1), ('d4', 4, 2, 2);
        INSERT INTO e VALUES ('e1', 1), ('e2', 2), ('e3', 3), ('e4', 4)""",
        {("orders", "orphan"): 2, ("b", "cascade"): 1, ("d", "set null"): 1, ("d", "cascade"): 2, ("e", "cascade"): 2},
    ),
    "set null and set default": (
        """CREATE TABLE b (no text, o int REFERENCES orders ON DELETE SET NULL,
                        p int DEFAULT 1 REFERENCES orders ON DELETE SET DEFAULT);
        INSERT INTO b VALUES ('b1', 1, 1), ('b2', 2, 1), ('b3', 1, 2), ('b4', 2, 3)""",
        {("orders", "orphan"): 2, ("b", "set null"): 2, ("b", "set default"): 1},
    ),
    "set null stops there": (
        """CREATE TABLE b (no text, id int PRIMARY KEY, o int REFERENCES orders ON DELETE SET NULL);
        CREATE TABLE c (no text, b int REFERENCES b ON DELETE CASCADE);
        INSERT INTO b VALUES ('b1', 1, 1), ('b2', 2, 2); INSERT INTO c VALUES ('c1', 1), ('c2', 2)""",
        {("orders", "orphan"): 2, ("b", "set null"): 1},
    ),
    "composite keys": (
        """CREATE TABLE b (no text, u int, o int, FOREIGN KEY (o, u) REFERENCES orders (id, user_id) ON DELETE CASCADE);
        INSERT INTO b VALUES ('b1', 1, 1), ('b2', 99, 2), ('b3', NULL, 2), ('b4', 98, 3)""",
        {("orders", "orphan"): 2, ("b", "cascade"): 2},
    ),
    "a key to a partitioned table": (
        """CREATE TABLE b (no text, id int, o int REFERENCES orders ON DELETE CASCADE, PRIMARY KEY (id))
               PARTITION BY RANGE (id);
        CREATE TABLE b_low PARTITION OF b FOR VALUES FROM (0) TO (10);
        CREATE TABLE b_high PARTITION OF b FOR VALUES FROM (10) TO (20);
        CREATE TABLE c (no text, b int REFERENCES b ON DELETE CASCADE);
        CREATE TABLE d (no text, b int REFERENCES b_high ON DELETE CASCADE);
        INSERT INTO b VALUES ('b1', 1, 1), ('b2', 2, 2), ('b11', 11, 3), ('b12', 12, 1);
        INSERT INTO c VALUES ('c1', 1), ('c2', 2), ('c11', 11), ('c12', 12);
        INSERT INTO d VALUES ('d11', 11), ('d12', 12)""",
        {("orders", "orphan"): 2, ("b", "cascade"): 2, ("c", "cascade"): 2, ("d", "cascade"): 1},
    ),
    "a key of one partition only": (
        """CREATE TABLE b (no text, id int PRIMARY KEY, o int) PARTITION BY RANGE (id);
        CREATE TABLE b_low PARTITION OF b FOR VALUES FROM (0) TO (10);
        CREATE TABLE b_high PARTITION OF b FOR VALUES FROM (10) TO (20);
        ALTER TABLE b_high ADD FOREIGN KEY (o) REFERENCES orders ON DELETE CASCADE;
        CREATE TABLE c (no text, b int REFERENCES b ON DELETE CASCADE);
        INSERT INTO b VALUES ('b1', 1, 2), ('b11', 11, 2), ('b12', 12, 1);
        INSERT INTO c VALUES ('c1', 1), ('c11', 11), ('c12', 12)""",
        {("orders", "orphan"): 2, ("b_high", "cascade"): 1, ("c", "cascade"): 1},
    ),
    "a key that was not validated": (
        """CREATE TABLE b (no text, o int); INSERT INTO b VALUES ('b1', 2), ('b2', 77);
        ALTER TABLE b ADD FOREIGN KEY (o) REFERENCES orders ON DELETE CASCADE NOT VALID""",
        {("orders", "orphan"): 2, ("b", "cascade"): 1},
    ),
    "the same key twice": (
        """CREATE TABLE b (no text, o int REFERENCES orders ON DELETE CASCADE REFERENCES orders ON DELETE CASCADE);
        INSERT INTO b VALUES ('b1', 1), ('b2', 2)""",
        {("orders", "orphan"): 2, ("b", "cascade"): 1},
    ),
    "deferred keys": (
        """CREATE TABLE b (no text, o int REFERENCES orders ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
        INSERT INTO b VALUES ('b1', 1), ('b2', 2)""",
        {("orders", "orphan"): 2, ("b", "cascade"): 1},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASCADES)
def test_a_cascade_is_archived_exactly_as_it_happens(case: str, db: Connection, database: str) -> None:
    setup, expected = CASCADES[case]
    db.execute((BASE + setup).encode())
    assert check_cascades(db, database) == expected


def test_a_key_to_one_partition_of_the_child_cascades_as_well(db: Connection, database: str) -> None:
    db.execute(
        """CREATE TABLE users (no text, id int PRIMARY KEY); INSERT INTO users VALUES ('u1', 1);
        CREATE TABLE orders (no text, id int PRIMARY KEY, user_id int) PARTITION BY RANGE (id);
        CREATE TABLE low PARTITION OF orders FOR VALUES FROM (0) TO (10);
        CREATE TABLE high PARTITION OF orders FOR VALUES FROM (10) TO (20);
        CREATE TABLE b (no text, o int REFERENCES high ON DELETE CASCADE);
        CREATE TABLE c (no text, o int REFERENCES orders ON DELETE SET NULL);
        INSERT INTO orders VALUES ('o1', 1, 99), ('o11', 11, 99), ('o12', 12, 1);
        INSERT INTO b VALUES ('b11', 11), ('b12', 12); INSERT INTO c VALUES ('c1', 1), ('c11', 11), ('c12', 12)"""
    )
    assert check_cascades(db, database) == {
        ("orders", "orphan"): 2,
        ("b", "cascade"): 1,
        ("c", "set null"): 2,
    }


def test_a_child_that_is_a_partition_has_the_keys_of_the_whole(db: Connection, database: str) -> None:
    db.execute(
        """CREATE TABLE users (no text, id int PRIMARY KEY); INSERT INTO users VALUES ('u1', 1);
        CREATE TABLE orders (no text, id int PRIMARY KEY, user_id int) PARTITION BY RANGE (id);
        CREATE TABLE low PARTITION OF orders FOR VALUES FROM (0) TO (10);
        CREATE TABLE high PARTITION OF orders FOR VALUES FROM (10) TO (20);
        CREATE TABLE c (no text, o int REFERENCES orders ON DELETE CASCADE);
        INSERT INTO orders VALUES ('o1', 1, 99), ('o11', 11, 99), ('o12', 12, 1);
        INSERT INTO c VALUES ('c1', 1), ('c11', 11), ('c12', 12)"""
    )
    assert check_cascades(db, database, "high.user_id -> users.id") == {
        ("high", "orphan"): 1,
        ("c", "cascade"): 1,
    }


REFUSED = {
    "a circle": (
        """CREATE TABLE b (no text, id int PRIMARY KEY, o int REFERENCES orders ON DELETE CASCADE);
        ALTER TABLE orders ADD b int REFERENCES b ON DELETE CASCADE""",
        (
            "deleting would cascade in a circle through b_o_fkey, orders_b_fkey|"
            "deleting would cascade in a circle through orders_b_fkey"
        ),
    ),
    "a table that cascades to itself": (
        "ALTER TABLE orders ADD up int REFERENCES orders ON DELETE CASCADE",
        "in a circle through orders_up_fkey",
    ),
    "a trigger below a cascade": (
        """CREATE TABLE b (no text, o int REFERENCES orders ON DELETE CASCADE);
        CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER below AFTER DELETE ON b FOR EACH ROW EXECUTE FUNCTION look()""",
        "the trigger below on public.b would fire",
    ),
    "a trigger on a row that is set to null": (
        """CREATE TABLE b (no text, o int REFERENCES orders ON DELETE SET NULL);
        CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER below AFTER UPDATE ON b FOR EACH ROW EXECUTE FUNCTION look()""",
        "the trigger below on public.b would fire",
    ),
    "a trigger of one partition": (
        """CREATE TABLE b (no text, id int, o int REFERENCES orders ON DELETE CASCADE) PARTITION BY RANGE (id);
        CREATE TABLE b_low PARTITION OF b FOR VALUES FROM (0) TO (10);
        CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER below AFTER DELETE ON b_low FOR EACH ROW EXECUTE FUNCTION look()""",
        "the trigger below on public.b_low would fire",
    ),
    "a rule below a cascade": (
        """CREATE TABLE b (no text, o int REFERENCES orders ON DELETE CASCADE);
        CREATE RULE too AS ON DELETE TO b DO ALSO DELETE FROM users""",
        "b has the rule too for DELETE",
    ),
    "what an update carries on": (
        """CREATE TABLE b (no text, o int UNIQUE REFERENCES orders ON DELETE SET NULL);
        CREATE TABLE c (no text, o int REFERENCES b (o) ON UPDATE CASCADE);""",
        "c_o_fkey, which would carry that on",
    ),
    "a key that is switched off": (
        """CREATE TABLE b (no text, o int REFERENCES orders ON DELETE CASCADE);
        INSERT INTO b VALUES ('b2', 2); ALTER TABLE orders DISABLE TRIGGER ALL""",
        "the foreign key b_o_fkey does not act",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_archived_is_refused(case: str, db: Connection, database: str) -> None:
    setup, message = REFUSED[case]
    db.execute((BASE + setup).encode())
    said = refusal(db, database)
    assert any(part in said for part in message.split("|"))


@pytest.mark.parametrize("action", ["RESTRICT", "NO ACTION", "NO ACTION DEFERRABLE INITIALLY DEFERRED"])
def test_rows_that_others_hold_on_to_fail_the_cleanup(db: Connection, database: str, action: str) -> None:
    db.execute(
        f"{BASE}; CREATE TABLE b (o int REFERENCES orders ON DELETE {action}); INSERT INTO b VALUES (2)".encode()
    )
    before = contents(db)
    with pytest.raises(
        DatabaseFailed, match=r"failed: .*b_o_fkey.*Nothing was changed\. Where rows of b refer"
    ):
        clean(database)
    assert (contents(db), archive(db)) == (before, [])


@pytest.mark.skipif(not majors() or max(majors()) < 18, reason="NOT ENFORCED came with PostgreSQL 18")
def test_a_key_that_is_not_enforced_takes_nothing_along(db: Connection, database: str) -> None:
    db.execute(
        f"{BASE}; CREATE TABLE b (no text, o int REFERENCES orders ON DELETE CASCADE NOT ENFORCED);"
        "INSERT INTO b VALUES ('b2', 2)".encode()
    )
    assert check_cascades(db, database) == {("orders", "orphan"): 2}


# The archive


TYPES = {
    "boolean": ["true", "false"],
    "smallint": ["-32768"],
    "bigint": ["9223372036854775807"],
    "numeric": ["NaN", "Infinity", "1.500", "123456789012345678901234567890.12345678901234567890"],
    "numeric(6,2)": ["1.10"],
    "real": ["0.1", "3.4028235e38", "-0"],
    "double precision": ["0.1", "2.2250738585072014e-308", "0.30000000000000004", "NaN", "-Infinity"],
    "money": ["-12.34"],
    "text": ["", " padded ", "back\\slash", 'quote"s', "ümläut 表 \U0001f600", "tab\tnew\nline", "null"],
    "varchar(20)": ["NULL"],
    "char(6)": ["ab"],
    '"char"': ["x"],
    "name": ["a name"],
    "bytea": ["\\x00ff5c", "\\x"],
    "date": ["0044-03-15 BC", "infinity", "2024-02-29"],
    "time": ["23:59:59.999999", "24:00:00"],
    "timetz": ["04:05:06.789-08"],
    "timestamp": ["4713-01-01 00:00:00 BC", "-infinity", "2024-10-27 02:30:00.000001"],
    "timestamptz": ["2024-10-27 00:30:00.123456+00", "0001-01-01 00:00:00+00 BC", "infinity"],
    "interval": ["1 year -2 mons +3 days -04:05:06.000007", "-1 days"],
    "uuid": ["c11ed8a9-ba3a-4c97-917e-0600e4985488"],
    "json": ['{"b" :  1, "a":2, "a":3}'],
    "jsonb": ['{"a": [1.10, "x"], "b": null}'],
    "xml": ["<a  b='1'>x</a>"],
    "inet": ["192.0.2.7", "192.0.2.7/24", "2001:db8::7"],
    "cidr": ["192.0.2.0/24"],
    "macaddr": ["08:00:2b:01:02:03"],
    "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "bit(3)": ["101"],
    "bit varying": ["", "0110"],
    "point": ["(0.1,1e300)"],
    "line": ["{1,2,3}"],
    "lseg": ["[(0,0),(1,1)]"],
    "box": ["(1,1),(0,0)"],
    "path": ["[(0,0),(1,1)]", "((0,0),(1,1))"],
    "polygon": ["((0,0),(1,1),(1,0))"],
    "circle": ["<(0.1,0),2>"],
    "tsvector": ["'fat':2A 'rat':3"],
    "tsquery": ["'fat' & !'rat':*"],
    "int4range": ["[1,5)", "empty", "(,)"],
    "tstzrange": ['["2024-01-01 00:00:00+00",)'],
    "int8multirange": ["{[1,2),[5,9)}"],
    "int[]": ["[-1:1]={1,NULL,3}", "{}", "{{1,2},{3,4}}"],
    "text[]": ['{"a b",NULL,"NULL","",",","\\""}'],
    "timestamptz[]": ['{"2024-10-27 00:30:00.123456+00"}'],
    "mood": ["very sad"],
    "email": ["a@b"],
    "pair": ['(1,"x ""y"", (z)","2024-10-27 00:30:00+00")', "(,,)"],
    "pg_lsn": ["16/B374D848"],
    "txid_snapshot": ["10:20:10,14"],
    "oid": ["4294967295"],
    "xid8": ["18446744073709551615"],
}

ODD = (
    "ALTER DATABASE {0} SET datestyle = 'SQL, DMY'; ALTER DATABASE {0} SET intervalstyle = 'sql_standard';"
    "ALTER DATABASE {0} SET timezone = 'America/St_Johns'; ALTER DATABASE {0} SET extra_float_digits = -5;"
    "ALTER DATABASE {0} SET bytea_output = 'escape'"
)


def test_cells_of_every_type_come_back_as_the_same_values(any_database: str, connect: Connect) -> None:
    """Whatever the database's own settings of output are."""
    connection = connect(any_database)
    connection.execute(
        """CREATE TYPE mood AS ENUM ('very sad', 'ok'); CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
        CREATE TYPE pair AS (a int, b text, c timestamptz); CREATE TABLE users (id int PRIMARY KEY);
        INSERT INTO users VALUES (1)"""
    )
    xml = "libxml" in str(
        connection.execute("SELECT setting FROM pg_config WHERE name = 'CONFIGURE'").fetchall()
    )
    types = {name: values for name, values in TYPES.items() if name != "xml" or xml}
    columns = ", ".join(f"c{n} {name}" for n, name in enumerate(types))
    connection.execute(f"CREATE TABLE orders (id int, user_id int, {columns})".encode())
    for row in range(max(map(len, types.values())) + 1):
        values = [values[row] if row < len(values) else None for values in types.values()]
        marks = ", ".join("%s" for _ in values)
        connection.execute(f"INSERT INTO orders VALUES ({row}, 99, {marks})".encode(), values)
    connection.execute("CREATE TABLE before AS SELECT * FROM orders")
    (name,) = connection.execute("SELECT current_database()").fetchall()[0]
    connection.execute(sql.SQL(ODD).format(sql.Identifier(name)))
    clean(any_database)
    assert connection.execute("SELECT count(*) FROM orders").fetchall() == [(0,)]
    cells = ", ".join(f"(cells->>'c{n}')::{name}" for n, name in enumerate(types))
    with connect(any_database).transaction(), connect(any_database) as reader, reader.transaction():
        folder = Path(__file__).resolve().parents[2] / "sql" / "orphans"
        reader.execute((folder / "archive_format.sql").read_bytes())
        reader.execute(
            f"""INSERT INTO orders SELECT (cells->>'id')::int, (cells->>'user_id')::int, {cells}
            FROM sqlrail.archive""".encode()
        )
    # Bytes as the server sends them: no type's own idea of equality, and no = where a type has none.
    same = """SELECT id FROM before WHERE id NOT IN (SELECT id FROM orders)
              UNION ALL SELECT b.id FROM before AS b JOIN orders AS o USING (id) WHERE b *<> o"""
    assert connection.execute(same.encode()).fetchall() == []
    assert connection.execute("SELECT count(*) FROM orders").fetchall() == [
        (max(map(len, types.values())) + 1,)
    ]


def test_generated_columns_are_left_out_and_identities_kept(any_database: str, connect: Connect) -> None:
    connection = connect(any_database)
    connection.execute(
        """CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);
        CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY, data jsonb, dropped int, "Größe" int DEFAULT 5,
            user_id int GENERATED ALWAYS AS ((data->>'user')::int) STORED);
        ALTER TABLE orders DROP dropped;
        INSERT INTO orders (data) VALUES ('{"user": 1}'), ('{"user": 9}'), ('{}')"""
    )
    assert clean(any_database).relations[0].deleted == 1
    assert ids(connection) == [1, 3]
    assert archive(connection) == [
        ("public.orders", "orphan", {"id": "2", "data": '{"user": 9}', "Größe": "5"})
    ]


@pytest.mark.parametrize(("said", "row_security"), [("", "off"), ("-- row-security: on\n", "on")])
def test_the_file_behind_a_pre_step_has_the_settings_that_it_has_without(
    said: str, row_security: str, shop: Connection, database: str, tmp_path: Path
) -> None:
    (name,) = shop.execute("SELECT current_database()").fetchall()[0]
    shop.execute(sql.SQL(ODD).format(sql.Identifier(name)))
    names = ("datestyle", "intervalstyle", "timezone", "extra_float_digits", "bytea_output", "row_security",
             "search_path", "lock_timeout", "array_nulls", "jit", "enable_seqscan")  # fmt: skip
    read = ", ".join(f"current_setting('{name}') AS {name}" for name in names)
    apply(database, tmp_path, _001=f"{said}CREATE TABLE without AS SELECT {read};")
    apply(database, tmp_path, _002=f"{said}-- cleanup: {ORDERS}\nCREATE TABLE behind AS SELECT {read};")
    assert ids(shop) == [10, 11, 12]
    both = shop.execute("SELECT * FROM without UNION SELECT * FROM behind").fetchall()
    assert both == [
        ("SQL, DMY", "sql_standard", "America/St_Johns", "-5", "escape", row_security, '"$user", public', "2s", "on",
         both[0][-2], "on")]  # fmt: skip


def test_an_archive_that_may_not_take_every_row_is_refused(shop: Connection, database: str) -> None:
    clean(database)
    shop.execute(
        """CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER lose BEFORE INSERT ON sqlrail.archive FOR EACH ROW EXECUTE FUNCTION lose();
        INSERT INTO orders VALUES (14, 98, 1)"""
    )
    assert "sqlrail.archive has triggers or rules" in refusal(shop, database)
    assert ids(shop) == [10, 11, 12, 14]


def test_nobody_else_may_read_the_archive_whatever_the_default_privileges_say(
    shop: Connection, database: str, role: str
) -> None:
    shop.execute(
        f"""ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC, {role};
        ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO PUBLIC, {role};
        ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO PUBLIC, {role}""".encode()
    )
    clean(database)
    rights = shop.execute(
        """SELECT format('%%s: %%s', name, acl::text) FROM (
             SELECT 'schema', nspowner, unnest(nspacl) FROM pg_namespace WHERE nspname = 'sqlrail' UNION ALL
             SELECT relname, relowner, unnest(relacl) FROM pg_class WHERE relnamespace = 'sqlrail'::regnamespace
           ) AS rights(name, owner, acl)
           WHERE NOT acl::text LIKE format('%%I=%%%%', owner::regrole)""",
        [],
    ).fetchall()
    assert rights == []
    with (
        psycopg.connect(as_role(database, role)) as visitor,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        visitor.execute("SELECT * FROM sqlrail.archive")
    shop.execute(f"ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC, {role}".encode())


# Atomicity


def test_a_refusal_of_one_relation_leaves_all_others_as_they_were(shop: Connection, database: str) -> None:
    shop.execute("CREATE TABLE carts AS SELECT n AS id, n AS user_id FROM generate_series(5, 2000) AS n")
    before = contents(shop)
    with pytest.raises(Refused, match="1996 of 1996"):
        clean(database, ORDERS, "carts.user_id -> users.id")
    assert (contents(shop), archive(shop)) == (before, [])


def test_a_file_that_fails_leaves_the_orphans_of_its_pre_step(
    shop: Connection, database: str, tmp_path: Path
) -> None:
    before = contents(shop)
    with pytest.raises(MigrationFailed, match="Nothing of 001 was kept"):
        apply(database, tmp_path, _001=f"-- cleanup: {ORDERS}\nSELECT 1 / 0;")
    assert (contents(shop), archive(shop)) == (before, [])
    apply(database, tmp_path, _001=f"-- cleanup: {ORDERS}\nSELECT 1;")
    assert ids(shop) == [10, 11, 12]


def test_a_refused_pre_step_stops_its_file(shop: Connection, database: str, tmp_path: Path) -> None:
    shop.execute("TRUNCATE users")
    with pytest.raises(Refused, match=r"001\.sql: the cleanup of .* the parent table is empty"):
        apply(database, tmp_path, _001=f"-- cleanup: {ORDERS}\nCREATE TABLE made ();")
    assert shop.execute("SELECT to_regclass('made')").fetchall() == [(None,)]
    assert ids(shop) == [10, 11, 12, 13]


DEFERRED = """
    CREATE TABLE lines (id int, order_id int REFERENCES orders DEFERRABLE INITIALLY DEFERRED);
    ALTER TABLE orders ADD COLUMN cart_id int;
    CREATE TABLE carts (id int PRIMARY KEY); INSERT INTO carts VALUES (1);
    ALTER TABLE orders ADD CONSTRAINT cart FOREIGN KEY (cart_id) REFERENCES carts DEFERRABLE INITIALLY DEFERRED;
"""


def test_deferred_keys_do_not_hinder_the_alter_table_behind_a_pre_step(
    any_database: str, connect: Connect, tmp_path: Path
) -> None:
    connection = connect(any_database)
    connection.execute((SHOP + DEFERRED).encode())
    add_key = "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users"
    with pytest.raises(psycopg.errors.ObjectInUse):
        connection.execute(f"BEGIN; {CARELESS}; {add_key}; COMMIT".encode())
    connection.rollback()
    apply(
        any_database, tmp_path,
        _001=f"-- cleanup: {ORDERS}\n{add_key};",
    )  # fmt: skip
    assert ids(connection) == [10, 11, 12]


@pytest.mark.parametrize("twin", [False, True], ids=["alone", "beside a twin that cannot be deferred"])
def test_keys_are_deferred_again_behind_a_pre_step(
    shop: Connection, database: str, tmp_path: Path, twin: bool
) -> None:
    shop.execute(DEFERRED.encode())
    if twin:
        shop.execute("CREATE TABLE other (id int CONSTRAINT lines_order_id_fkey CHECK (id > 0))")
    text = f"-- cleanup: {ORDERS}\nINSERT INTO orders VALUES (20, 1, 1, 2); INSERT INTO carts VALUES (2);"
    apply(database, tmp_path, _001=text)
    assert ids(shop) == [10, 11, 12, 20]


# Under fire


def test_a_parent_that_commits_after_the_look_saves_its_children(
    shop: Connection, database: str, connect: Connect
) -> None:
    """The careless statement and ours, each against a session that brings the parent meanwhile."""
    writer, careless_session = connect(database, autocommit=False), connect(database, autocommit=False)
    careless_session.execute(CARELESS.encode())
    writer.execute("INSERT INTO users VALUES (99, 'Late')")
    writer.commit()
    careless_session.commit()
    assert ids(shop) == [10, 11, 12]  # the parent is there, its order is gone
    shop.execute("DELETE FROM users WHERE id = 99; INSERT INTO orders VALUES (13, 99, 8)")

    writer.execute("INSERT INTO users VALUES (99, 'Late')")
    results: list[Cleanup] = []
    thread = threading.Thread(target=lambda: results.append(clean(database, lock_timeout=20.0)))
    thread.start()
    wait_until_blocked(shop)
    writer.commit()
    thread.join()
    assert [one.relations[0].orphans for one in results] == [0]
    assert ids(shop) == [10, 11, 12, 13]


@pytest.mark.parametrize("table", ["orders", "users", "lines"], ids=["child", "parent", "cascade"])
def test_a_cleanup_gives_way_to_a_writer_that_holds_a_table(
    shop: Connection, database: str, connect: Connect, table: str
) -> None:
    shop.execute("CREATE TABLE lines (order_id int REFERENCES orders ON DELETE CASCADE)")
    before = contents(shop)
    writer = connect(database, autocommit=False)
    writer.execute(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE".encode())
    with pytest.raises(DatabaseFailed, match=r"gave way: its tables were in use for longer than 0\.2 s"):
        clean(database, lock_timeout=0.2)
    writer.rollback()
    assert (contents(shop), archive(shop)) == (before, [])
    assert clean(database).relations[0].deleted == 1


@pytest.mark.parametrize(
    "order", [("users", "orders"), ("orders", "users")], ids=["parent first", "child first"]
)
def test_a_writer_never_runs_into_a_deadlock_with_a_cleanup(
    shop: Connection, database: str, connect: Connect, order: tuple[str, str]
) -> None:
    writer = connect(database, autocommit=False)
    writer.execute(f"LOCK TABLE {order[0]} IN ROW EXCLUSIVE MODE".encode())
    results: list[Cleanup] = []
    thread = threading.Thread(target=lambda: results.append(clean(database, lock_timeout=20.0)))
    thread.start()
    wait_until_blocked(shop)
    writer.execute("SET LOCAL lock_timeout = '500ms'")
    writer.execute(f"LOCK TABLE {order[1]} IN ROW EXCLUSIVE MODE".encode())
    writer.commit()
    thread.join()
    assert [one.relations[0].deleted for one in results] == [1]


def test_cleanups_at_once_delete_each_orphan_once(db: Connection, database: str) -> None:
    db.execute(SHOP + "INSERT INTO orders SELECT n, n FROM generate_series(100, 999) AS n")
    results: list[Cleanup] = []
    threads = [threading.Thread(target=lambda: results.append(clean(database))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.relations[0].deleted for one in results) == [0, 0, 0, 901]
    assert len(archive(db)) == 901


def test_a_role_that_may_make_no_archive_is_told_what_it_needs(
    shop: Connection, database: str, role: str
) -> None:
    shop.execute(f"GRANT ALL ON users, orders TO {role}; GRANT CREATE ON SCHEMA public TO {role}".encode())
    with pytest.raises(Refused, match="CREATE SCHEMA sqlrail AUTHORIZATION"):
        clean(as_role(database, role))
    assert ids(shop) == [10, 11, 12, 13]
    with contextlib.suppress(Refused):
        clean(as_role(database, role), "orders.user_id -> nowhere.id")


def test_a_role_that_may_make_no_archive_and_may_not_see_all_parents_is_refused(
    shop: Connection, database: str, role: str, tmp_path: Path
) -> None:
    shop.execute(
        f"""CREATE POLICY mine ON users USING (id = 1); ALTER TABLE users ENABLE ROW LEVEL SECURITY;
        GRANT ALL ON users, orders TO {role}; GRANT CREATE ON SCHEMA public TO {role}""".encode()
    )
    with pytest.raises(Refused, match="row-level security policy"):
        apply(as_role(database, role), tmp_path, _001=f"-- cleanup: {ORDERS}\nSELECT 1;")
    assert ids(shop) == [10, 11, 12, 13]


def test_a_role_that_may_make_no_archive_migrates_what_has_no_orphans(
    db: Connection, database: str, role: str
) -> None:
    db.execute((FIXTURES / "orm.sql").read_bytes())
    db.execute(f"GRANT CREATE ON SCHEMA public TO {role}".encode())
    for (table,) in db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
        db.execute(f"ALTER TABLE {table} OWNER TO {role}".encode())
    before = contents(db)
    url, heard = as_role(database, role), Heard()
    refused = attempt(url, heard)
    assert isinstance(refused, Refused)
    assert "CREATE SCHEMA sqlrail AUTHORIZATION" in str(refused)
    assert heard.applied_ids == IDS[:3]
    assert (contents(db), db.execute("SELECT to_regnamespace('sqlrail')").fetchall()) == (before, [(None,)])
    keys = "SELECT conname FROM pg_constraint WHERE conrelid = 'usage_analytics'::regclass AND contype = 'f'"
    assert db.execute(keys).fetchall() == []
    db.execute("DELETE FROM usage_analytics WHERE user_id = %s", [ORPHAN])
    before = contents(db)
    assert attempt(url, heard) is None
    assert heard.applied_ids == IDS
    assert db.execute(keys).fetchall() == [("usage_analytics_user_id_fkey",)]
    assert contents(db) == before
