"""The key's own word: what becomes of its orphans, in every way to clean; a restore puts the old value back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import console
import psycopg
import pytest
import test_cleanup
from conftest import Connect
from console import Sqlrail
from test_cleanup import ORDERS, apply, archive, clean, contents, refusal, settings
from test_online import run as clean_online
from test_restore import reasons, restore

from sqlrail.errors import BadFile, DatabaseFailed, Refused, UsageError
from sqlrail.ground.constraint import Action
from sqlrail.ground.events import nobody
from sqlrail.ground.relation import Relation
from sqlrail.verbs import online
from sqlrail.verbs.apply import migrate
from sqlrail.verbs.cleanup import cleanup, print_sql

Connection = psycopg.Connection[Any]
sqlrail = console.sqlrail
db = test_cleanup.db

#: an order of Ada, one of nobody, and two of somebody who is gone; user 0 stands in for those
SHOP = """
    CREATE TABLE users (id int PRIMARY KEY, name text);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int DEFAULT 0, total numeric);
    INSERT INTO users VALUES (0, 'nobody'), (1, 'Ada');
    INSERT INTO orders VALUES (10, 1, 5), (11, NULL, 7), (12, 99, 8), (13, 98, 9);
"""
KEY = "ALTER TABLE orders ADD CONSTRAINT key FOREIGN KEY (user_id) REFERENCES users ON DELETE {} NOT VALID"
USERS = "SELECT id, user_id FROM orders ORDER BY id"
KEPT: list[tuple[int, int | None]] = [(10, 1), (11, None)]
#: what a key says, and what becomes of the orders of those who are gone
WORDS: dict[str, list[tuple[int, int | None]]] = {
    "CASCADE": [],
    "SET NULL": [(12, None), (13, None)],
    "SET DEFAULT": [(12, 0), (13, 0)],
}
WAYS = ["cleanup", "online", "printed", "pre-step"]


def shop(connection: Connection, key: str | None = None) -> None:
    connection.execute(SHOP.encode())
    if key:
        connection.execute(KEY.format(key).encode())


def clean_by(way: str, connection: Connection, url: str, folder: Path, relation: str | None = ORDERS) -> None:
    """One of the ways to clean; the relation is named, declared where it is a file's pre-step, or found by its key."""
    named = [Relation.parse(relation)] if relation else None
    told = settings(url, migrations=folder)
    if way == "pre-step":
        apply(url, folder, _1_clean=f"-- cleanup: {relation or ORDERS}\nSELECT 1;\n")
    elif way == "printed":
        connection.execute(print_sql(told, nobody, named)[0].encode())
    else:
        (online.cleanup if way == "online" else cleanup)(told, nobody, named)


def told(sqlrail: Sqlrail, url: str, *arguments: str) -> tuple[int, str, str]:
    """The command line's exit code, and what it says."""
    done = sqlrail(*arguments, "--database-url", url)
    return done.code, done.out, done.err


@pytest.mark.parametrize("said", ["set null", "set default"])
@pytest.mark.parametrize("word", [None, "NO ACTION", "RESTRICT", *WORDS])
def test_what_was_said_comes_back_whatever_the_key_says_that_is_there_by_then(
    word: str | None, said: str, db: Connection, database: str
) -> None:
    shop(db)
    before = contents(db)
    clean(database, f"{ORDERS} {said}")
    db.execute("UPDATE orders SET user_id = 1 WHERE id = 13")  # somebody has decided otherwise
    if word:
        db.execute(KEY.format(word).encode())
    db.execute("INSERT INTO users VALUES (98), (99)")
    left = reasons(restore(database))
    assert [why.split(" of ")[0] for why in left] == ["its row"], left
    assert db.execute(USERS).fetchall() == [*KEPT, (12, 99), (13, 1)]
    db.execute("UPDATE orders SET user_id = %s WHERE id = 13", [WORDS[said.upper()][1][1]])
    assert reasons(restore(database)) == {}
    db.execute("ALTER TABLE orders DROP CONSTRAINT IF EXISTS key; DELETE FROM users WHERE id IN (98, 99)")
    assert contents(db) == before


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("word", WORDS)
def test_the_keys_word_decides_and_a_restore_puts_the_old_value_back(
    word: str, way: str, any_database: str, connect: Connect, tmp_path: Path
) -> None:
    connection = connect(any_database)
    shop(connection, word)
    before = contents(connection)
    clean_by(way, connection, any_database, tmp_path)
    assert connection.execute(USERS.encode()).fetchall() == KEPT + WORDS[word]
    action = "orphan" if word == "CASCADE" else word.lower()
    assert [(source, done, cells["user_id"]) for source, done, cells in archive(connection)] == [
        ("public.orders", action, "99"), ("public.orders", action, "98")]  # fmt: skip
    connection.execute("INSERT INTO users VALUES (98), (99)")
    assert reasons(restore(any_database)) == {}
    connection.execute("ALTER TABLE orders DROP CONSTRAINT key; DELETE FROM users WHERE id > 90")
    assert contents(connection) == before


def test_values_go_back_only_where_their_parent_is_there_and_nobody_has_changed_them(
    db: Connection, database: str
) -> None:
    shop(db, "SET NULL")
    clean(database)
    db.execute("INSERT INTO users VALUES (98); UPDATE orders SET user_id = 1 WHERE id = 13")
    assert sorted(why.split(" of ")[0] for why in reasons(restore(database))) == ["its row", "no row"]
    assert db.execute(USERS).fetchall() == [*KEPT, (12, None), (13, 1)]


@pytest.mark.parametrize("word", ["NO ACTION", "RESTRICT"])
@pytest.mark.parametrize("way", ["cleanup", "online", "printed"])
def test_a_key_that_says_nothing_is_left_until_somebody_says_it(
    word: str, way: str, any_database: str, connect: Connect, sqlrail: Sqlrail
) -> None:
    connection = connect(any_database)
    shop(connection, word)
    connection.execute(
        "CREATE TABLE lines (id int PRIMARY KEY, order_id int); INSERT INTO lines VALUES (1, 10), (2, 77);"
        "ALTER TABLE lines ADD FOREIGN KEY (order_id) REFERENCES orders ON DELETE CASCADE NOT VALID"
    )
    flags = {"online": ["--online"], "printed": ["--print-sql"]}.get(way, [])
    code, out, err = told(sqlrail, any_database, "cleanup", *flags)
    assert code == 3
    if way == "printed":
        connection.execute(out.encode())
    assert connection.execute("SELECT id FROM lines").fetchall() == [(1,)]
    assert len(connection.execute(USERS).fetchall()) == 4
    said = err if way == "printed" else out
    assert f"its key key is ON DELETE {word}" in said
    assert f"-- cleanup: {ORDERS} delete" in said
    assert f"--relation '{ORDERS} delete'" in said
    code, out, _ = told(sqlrail, any_database, "cleanup", "--relation", ORDERS, *flags)
    assert code == 0
    if way == "printed":
        connection.execute(out.encode())
    assert connection.execute(USERS).fetchall() == KEPT


def test_what_nobody_has_decided_is_told_in_json_and_without_orphans_is_nothing(
    db: Connection, database: str, sqlrail: Sqlrail
) -> None:
    shop(db, "NO ACTION")
    code, out, _ = told(sqlrail, database, "cleanup", "--json")
    (one,) = json.loads(out)["relations"]
    assert (code, one["undecided"], one["action"], one["orphans"], one["deleted"]) == (3, True, None, 2, 0)
    code, out, _ = told(sqlrail, database, "cleanup", "--dry-run")
    assert code == 0
    assert f"{ORDERS}: 2 orphans, would be refused: its key key is ON DELETE NO ACTION" in out
    db.execute("DELETE FROM orders WHERE id > 11")
    assert told(sqlrail, database, "cleanup")[:2] == (0, f"{ORDERS}: no orphans\nno orphans\n")


@pytest.mark.parametrize("said", ["delete", "set null", "SET  DEFAULT", "set null (user_id)"])
@pytest.mark.parametrize("word", [None, "NO ACTION", "CASCADE", "SET NULL"])
def test_what_somebody_says_counts_most(
    said: str, word: str | None, db: Connection, database: str, tmp_path: Path
) -> None:
    shop(db, word)
    clean_by("cleanup", db, database, tmp_path, f"{ORDERS} {said}")
    word = {"delete": "CASCADE", "SET  DEFAULT": "SET DEFAULT"}.get(said, "SET NULL")
    assert db.execute(USERS).fetchall() == KEPT + WORDS[word]


def test_keys_that_say_different_things_refuse_until_one_is_said(db: Connection, database: str) -> None:
    shop(db, "CASCADE")
    db.execute(KEY.format("SET NULL").replace("CONSTRAINT key", "CONSTRAINT other").encode())
    assert "its keys key and other say different things" in refusal(db, database)
    clean(database, f"{ORDERS} set null")
    assert db.execute(USERS).fetchall() == KEPT + WORDS["SET NULL"]


def test_one_relation_with_two_actions_is_wrong_usage(db: Connection, database: str) -> None:
    shop(db)
    with pytest.raises(UsageError, match="is named to delete and to set null"):
        clean(database, f"{ORDERS} delete", "public.orders.user_id -> users.id set null")


# The key that the file adds

ADDED = "-- cleanup: {}\nALTER TABLE orders ADD CONSTRAINT key FOREIGN KEY (user_id) REFERENCES users{};\n"


@pytest.mark.parametrize("word", [*WORDS, "NO ACTION"])
def test_a_directive_follows_the_key_that_its_own_file_adds(
    word: str, db: Connection, database: str, tmp_path: Path
) -> None:
    shop(db)
    apply(database, tmp_path, _1_key=ADDED.format(ORDERS, f" (id) ON DELETE {word}"))
    assert db.execute(USERS).fetchall() == KEPT + WORDS.get(word, [])


def test_the_verb_follows_the_declaring_files_key_too(db: Connection, database: str, tmp_path: Path) -> None:
    shop(db)
    (tmp_path / "1_key.sql").write_text(ADDED.format(ORDERS, " ON DELETE SET NULL"))
    clean_by("cleanup", db, database, tmp_path, None)
    assert db.execute(USERS).fetchall() == KEPT + WORDS["SET NULL"]


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("delete", "SET NULL"),
        ("set null", "CASCADE"),
        ("set default", "SET NULL"),
        ("set null", "SET DEFAULT (user_id)"),
    ],
)
def test_a_directive_that_contradicts_its_files_key_is_a_bad_file(
    said: str, word: str, db: Connection, database: str, tmp_path: Path
) -> None:
    shop(db)
    before = contents(db)
    with pytest.raises(BadFile, match="is not what the file's own key does to orphans"):
        apply(database, tmp_path, _1_key=ADDED.format(f"{ORDERS} {said}", f" ON DELETE {word}"))
    assert contents(db) == before


ADDING = "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL"
TEXTS: dict[str, tuple[str, str | None]] = {
    "a comment": (f"-- {ADDING};\nSELECT 1;", None),
    "a string": (f"SELECT 'x; {ADDING}';", None),
    "to another table": (f"{ADDING};".replace("users", "people"), None),
    "of another column": (f"{ADDING};".replace("user_id", "buyer_id"), None),
    "another schema's": (f"{ADDING};".replace("orders", "old.orders"), None),
    "of a function": (f"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN {ADDING}; END $$;", None),
    "in a body": (f"DO $$ BEGIN IF true THEN {ADDING}; END IF; END $$;", "set null"),
    "quoted": (f'{ADDING};'.replace("orders", '"orders"').replace("users", '"users"'), "set null"),
    "with columns": (f"{ADDING} (user_id);", "set null (user_id)"),
    "among others": (
        """ALTER TABLE ONLY public.orders ADD note text, ADD CONSTRAINT k FOREIGN KEY
          (user_id) REFERENCES users (id) MATCH FULL ON UPDATE CASCADE ON DELETE SET DEFAULT DEFERRABLE,
          ADD UNIQUE (id);""",
        "set default"),
    "with its column": ("ALTER TABLE orders ADD user_id int REFERENCES users ON DELETE CASCADE;", "delete"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "action"), TEXTS.values(), ids=TEXTS)
def test_the_key_is_found_in_the_files_text(text: str, action: str | None, tmp_path: Path) -> None:
    from sqlrail.files.file import read_file

    (tmp_path / "1.sql").write_text(f"-- cleanup: public.orders.user_id -> users.id\n{text}\n")
    (relation,) = read_file(tmp_path / "1.sql").relations()
    assert isinstance(relation, Relation)
    assert str(relation.otherwise) == (action or "delete")


# What cannot be set

NO_NULLS = "DELETE FROM orders WHERE user_id IS NULL;"
REFUSED = {
    "not null": (
        NO_NULLS + "ALTER TABLE orders ALTER user_id SET NOT NULL",
        "SET NULL", "user_id may not be null, so it cannot be set to null"),
    "not null without a default": (
        NO_NULLS + "ALTER TABLE orders ALTER user_id SET NOT NULL, ALTER user_id DROP DEFAULT",
        "SET DEFAULT", "user_id may not be null, so it cannot be set to default"),
    "a domain that is not null": (
        NO_NULLS + "CREATE DOMAIN number AS int NOT NULL; ALTER TABLE orders ALTER user_id TYPE number",
        "SET NULL", "may not be null"),
    "a default that names nobody": (
        "DELETE FROM users WHERE id = 0", "SET DEFAULT", "no row of public.users is named by the default"),
    "no primary key": ("ALTER TABLE orders DROP CONSTRAINT orders_pkey", "SET NULL", 'orders"? has no primary key'),
    "the primary key": (
        NO_NULLS + "ALTER TABLE orders DROP CONSTRAINT orders_pkey, ADD PRIMARY KEY (id, user_id)",
        "SET DEFAULT", 'user_id is part of the primary key of "?orders'),
    "what others follow": (
        """ALTER TABLE orders ADD UNIQUE (user_id);
        CREATE TABLE cards (id int PRIMARY KEY, user_id int REFERENCES orders (user_id) ON UPDATE CASCADE)""",
        "SET NULL", "would carry that on"),
    "a trigger that is not allowed": (
        """CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER keeper BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION f()""",
        "SET NULL", "the trigger keeper on public.orders"),
    "a rule": (
        "CREATE RULE r AS ON UPDATE TO orders DO INSTEAD NOTHING", "SET NULL", "has the rule r for UPDATE"),
}  # fmt: skip


@pytest.mark.parametrize("way", ["cleanup", "online"])
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_set_is_refused(
    case: str, way: str, db: Connection, database: str, tmp_path: Path
) -> None:
    more, word, said = REFUSED[case]
    shop(db)
    db.execute(more.encode())
    db.execute(KEY.format(word).encode())
    before = contents(db)
    with pytest.raises(Refused, match=said):
        clean_by(way, db, database, tmp_path)
    assert (contents(db), archive(db)) == (before, [])
    if case in ("not null", "no primary key", "a default that names nobody"):
        clean_by(way, db, database, tmp_path, f"{ORDERS} delete")
        assert [id_ for id_, _ in db.execute(USERS)] == [10] + [11] * (case != "not null")


@pytest.mark.parametrize("way", ["cleanup", "online"])
@pytest.mark.parametrize("key", [True, False])
def test_a_default_that_turns_out_to_name_nobody_changes_nothing(
    key: bool, way: str, db: Connection, database: str, tmp_path: Path
) -> None:
    shop(db, "SET DEFAULT" if key else None)
    db.execute(
        "CREATE FUNCTION other() RETURNS int LANGUAGE sql AS 'SELECT 55'; ALTER TABLE orders ALTER user_id SET "
        "DEFAULT other()"
    )
    before = contents(db)
    with pytest.raises(
        DatabaseFailed if key else Refused, match='"key"' if key else "2 rows would still have no parent"
    ):
        clean_by(way, db, database, tmp_path, f"{ORDERS} set default")
    assert (contents(db), archive(db)) == (before, [])


def test_a_row_that_would_move_to_another_partition_is_refused(db: Connection, database: str) -> None:
    db.execute(
        "CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (0), (1);"
        "CREATE TABLE orders (id int, user_id int DEFAULT 0, area int DEFAULT 5, PRIMARY KEY (id, area)) "
        "PARTITION BY LIST (area);"
        "CREATE TABLE low PARTITION OF orders FOR VALUES IN (1, 5); INSERT INTO orders VALUES (1, 1, 1), (2, 99, 1);"
        "CREATE TABLE areas (id int PRIMARY KEY); INSERT INTO areas VALUES (5)"
    )
    assert "is part of the primary key" in refusal(db, database, "orders.area -> areas.id set default")
    db.execute("ALTER TABLE orders DROP CONSTRAINT orders_pkey; CREATE TABLE extra (id int PRIMARY KEY)")
    assert "area is in the partition key of public.orders" in refusal(
        db, database, "orders.area -> areas.id set default"
    )


@pytest.mark.parametrize("way", ["cleanup", "online"])
def test_an_allowed_trigger_that_keeps_rows_as_they_are_is_found_out(
    way: str, db: Connection, database: str
) -> None:
    shop(db, "SET NULL")
    db.execute(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN CASE WHEN old.id = 13 THEN NULL "
        "ELSE new END; END';"
        "CREATE TRIGGER keeper BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION f()"
    )
    before = contents(db)
    with pytest.raises(Refused, match="1 of 2 rows would stay as they are, because a trigger keeps them"):
        (clean if way == "cleanup" else clean_online)(database, ORDERS, allow_triggers=("keeper",))
    assert (contents(db), archive(db)) == (before, [])


def test_an_allowed_trigger_that_gives_the_value_back_is_found_out(db: Connection, database: str) -> None:
    shop(db)
    db.execute(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.user_id := old.user_id; RETURN new; END';"
        "CREATE TRIGGER keeper BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION f()"
    )
    before = contents(db)
    with pytest.raises(Refused, match="2 rows would still have no parent"):
        clean(database, f"{ORDERS} set null", allow_triggers=("keeper",))
    assert (contents(db), archive(db)) == (before, [])


def test_only_the_columns_that_the_key_names_are_set(any_database: str, connect: Connect) -> None:
    connection = connect(any_database)
    connection.execute(
        "CREATE TABLE users (tenant int, id int, PRIMARY KEY (tenant, id)); INSERT INTO users VALUES (1, 1);"
        "CREATE TABLE orders (id int PRIMARY KEY, tenant int NOT NULL, user_id int);"
        "INSERT INTO orders VALUES (1, 1, 1), (2, 1, 9), (3, 2, NULL);"
        "ALTER TABLE orders ADD CONSTRAINT key FOREIGN KEY (tenant, user_id) REFERENCES users ON DELETE SET "
        "NULL (user_id) NOT VALID"
    )
    before = contents(connection)
    clean(any_database, "orders.(tenant, user_id) -> users.(tenant, id)")
    assert connection.execute("SELECT * FROM orders ORDER BY id").fetchall() == [
        (1, 1, 1),
        (2, 1, None),
        (3, 2, None),
    ]
    connection.execute("INSERT INTO users VALUES (1, 9)")
    assert reasons(restore(any_database)) == {}
    connection.execute("ALTER TABLE orders DROP CONSTRAINT key; DELETE FROM users WHERE id = 9")
    assert contents(connection) == before


def test_set_rows_of_partitions_stay_where_they_are(any_database: str, connect: Connect) -> None:
    connection = connect(any_database)
    connection.execute(
        "CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);"
        "CREATE TABLE orders (id int PRIMARY KEY, user_id int) PARTITION BY RANGE (id);"
        "CREATE TABLE low PARTITION OF orders FOR VALUES FROM (0) TO (10); CREATE TABLE high PARTITION OF "
        "orders DEFAULT;"
        "INSERT INTO orders VALUES (1, 1), (2, 9), (11, 9), (12, 1)"
    )
    clean(any_database, f"{ORDERS} set null")
    assert connection.execute("SELECT tableoid::regclass::text, id, user_id FROM orders ORDER BY id").fetchall() == [
        ("low", 1, 1), ("low", 2, None), ("high", 11, None), ("high", 12, 1)]  # fmt: skip


def test_a_set_row_keeps_the_rows_below_it(db: Connection, database: str) -> None:
    shop(db, "SET NULL")
    db.execute(
        "CREATE TABLE lines (id int PRIMARY KEY, o int REFERENCES orders ON DELETE CASCADE); INSERT INTO lines "
        "VALUES (1, 12)"
    )
    result = clean(database)
    assert result.relations[0].cascades == ()
    assert db.execute("SELECT * FROM lines").fetchall() == [(1, 12)]


def test_what_was_changed_is_told(db: Connection, database: str, sqlrail: Sqlrail) -> None:
    shop(db, "SET NULL")
    assert (
        "2 rows of 4 (50.00%) would be archived and set to null"
        in told(sqlrail, database, "cleanup", "--dry-run")[1]
    )
    code, out, _ = told(sqlrail, database, "cleanup")
    assert (code, out.splitlines()) == (0, [
        f"{ORDERS}: 2 rows set to null, 2 rows archived (run 1)",
        "done: 2 rows changed, all in the archive as run 1"])  # fmt: skip
    logged = db.execute("SELECT relations FROM sqlrail.run").fetchall()
    assert logged == [
        (
            [
                {
                    "relation": ORDERS,
                    "parent": "public.users",
                    "orphans": 2,
                    "deleted": 0,
                    "changed": 2,
                    "archived": 2,
                }
            ],
        )
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a.b -> c.d", None), ("a.b -> c.d delete", Action("delete")), ("a.b -> c.d SET\tNULL", Action("set null")),
        ("a.(b, e) -> c.(d, f) set default (e)", Action("set default", ("e",))),
    ],
)  # fmt: skip
def test_actions_are_read(text: str, said: Action | None) -> None:
    assert Relation.parse(text).said == said


@pytest.mark.parametrize(
    "text",
    [
        "a.b -> c.d drop",
        "a.b -> c.d set",
        "a.b -> c.d delete (b)",
        "a.b -> c.d set null (x)",
        "a.b -> c.d cascade",
    ],
)
def test_what_is_no_action_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"set null|none of its columns"):
        Relation.parse(text)


def test_a_deployment_sets_and_adds_the_key_in_one_go(db: Connection, database: str, tmp_path: Path) -> None:
    shop(db)
    (tmp_path / "1_key.sql").write_text(ADDED.format(ORDERS, " ON DELETE SET NULL"))
    done = migrate(settings(database, migrations=tmp_path), nobody)
    (cleaned,) = done.applied[0].cleanup
    assert (cleaned.action, cleaned.changed, cleaned.deleted) == ("set null", 2, 0)
    assert db.execute("SELECT convalidated FROM pg_constraint WHERE conname = 'key'").fetchall() == [(True,)]
