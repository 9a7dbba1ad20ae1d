"""Duplicates: the newest stays, what refers to the others is pointed at it, and a restore gives it all back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import console
import psycopg
import pytest
import test_cleanup
from conftest import Connect, majors
from console import Sqlrail
from test_cleanup import apply, archive, contents, settings
from test_restore import counts, exact, reasons
from test_restore import restore as put_back

from sqlrail.errors import BadFile, Refused, UsageError
from sqlrail.ground.events import nobody
from sqlrail.ground.kinds import parse
from sqlrail.ground.unique import Unique
from sqlrail.orphans.cleaned import Cleaned
from sqlrail.verbs import cleanup as room
from sqlrail.verbs import online
from sqlrail.verbs.restore import restore

Connection = psycopg.Connection[Any]
sqlrail = console.sqlrail
db = test_cleanup.db

EMAIL = "users.email unique keep newest created_at"
#: three of Ada, of which 3 is the newest, one of Grace, and two of nobody
SHOP = """
    CREATE TABLE users (id int PRIMARY KEY, email text, created_at date, boss int REFERENCES users);
    CREATE TABLE posts (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE);
    CREATE TABLE likes (
        user_id int REFERENCES users ON DELETE CASCADE, post_id int REFERENCES posts ON DELETE CASCADE,
        note text, PRIMARY KEY (user_id, post_id)
    );
    INSERT INTO users VALUES (1, 'ada', '2001-01-01', NULL), (2, 'ada', NULL, 1), (3, 'ada', '2003-01-01', 2),
                             (4, 'grace', '2004-01-01', 1), (5, NULL, NULL, 2), (6, NULL, NULL, NULL);
    INSERT INTO posts VALUES (10, 1), (11, 2), (12, 3), (13, 4), (14, NULL);
    INSERT INTO likes VALUES (1, 10, 'a'), (2, 10, 'b'), (3, 10, 'c'), (1, 13, 'd'), (2, 13, 'e'), (2, 14, 'f'),
                             (4, 10, 'g');
"""
USERS = [(3, 3), (4, 3), (5, 3), (6, None)]
POSTS = [(10, 3), (11, 3), (12, 3), (13, 4), (14, None)]
#: where 3 likes nothing yet, the like of the lowest key is pointed at it
LIKES = [(3, 10, "c"), (3, 13, "d"), (3, 14, "f"), (4, 10, "g")]
WAYS = ["cleanup", "printed", "pre-step"]


def look(connection: Connection) -> list[list[tuple[Any, ...]]]:
    return [
        connection.execute(query.encode()).fetchall()
        for query in (
            "SELECT id, boss FROM users ORDER BY 1",
            "SELECT * FROM posts ORDER BY 1",
            "SELECT * FROM likes ORDER BY 1, 2",
        )
    ]  # fmt: skip


def clean(url: str, *texts: str, dry_run: bool = False, **more: Any) -> Cleaned:
    named = [parse(text) for text in texts or (EMAIL,)]
    return room.cleanup(settings(url, **more), nobody, named, dry_run=dry_run).relations[0]


def refusal(connection: Connection, url: str, *texts: str, **more: Any) -> str:
    """What a refused cleanup says, when it has changed nothing; the dry run says the same before."""
    before = contents(connection), archive(connection)
    seen = clean(url, *texts, dry_run=True, **more)
    with pytest.raises(Refused, match=r"Nothing was changed\.$") as caught:
        clean(url, *texts, **more)
    assert (contents(connection), archive(connection)) == before
    assert "; ".join(seen.refusals) in str(caught.value)
    assert seen.refusals
    return str(caught.value)


@pytest.mark.parametrize("way", WAYS)
def test_the_newest_stays_what_refers_to_the_others_is_pointed_at_it_and_all_comes_back(
    way: str, any_database: str, connect: Connect, tmp_path: Path
) -> None:
    connection = connect(any_database)
    connection.execute(SHOP)
    before = contents(connection)
    if way == "pre-step":
        apply(
            any_database, tmp_path, _1_email=f"-- cleanup: {EMAIL}\nALTER TABLE users ADD UNIQUE (email);\n"
        )
        connection.execute("ALTER TABLE users DROP CONSTRAINT users_email_key")
    elif way == "printed":
        told = settings(any_database, migrations=tmp_path)
        connection.execute(room.print_sql(told, nobody, [parse(EMAIL)]).sql.encode())
    else:
        clean(any_database)
    assert look(connection) == [USERS, POSTS, LIKES]
    done = [(source, action) for source, action, _ in archive(connection)]
    assert done.count(("public.users", "duplicate")) == 2
    assert done.count(("public.likes", "duplicate")) == 3
    assert done.count(("public.posts", "set reference")) == 2
    assert done.count(("public.likes", "set reference")) == 2
    assert done.count(("public.users", "set reference")) == 3
    assert reasons(put_back(any_database)) == {}
    assert contents(connection) == before
    assert archive(connection) == []


def test_a_dry_run_says_what_would_become_of_whom_and_changes_nothing(
    any_database: str, connect: Connect, sqlrail: Sqlrail
) -> None:
    connection = connect(any_database)
    connection.execute(SHOP)
    before = contents(connection)
    told = ["cleanup", "--relation", EMAIL, "--dry-run", "--database-url", any_database]
    (one,) = json.loads(sqlrail(*told, "--json").out)["relations"]
    assert (one["kind"], one["columns"], one["action"], one["orphans"], one["rows"]) == (
        "unique", ["email"], "keep newest", 2, 6)  # fmt: skip
    assert one["duplicates"] == {
        "by": "created_at",
        "groups": 1,
        "pointed": [
            {"key": "likes_user_id_fkey", "table": "public.likes", "columns": ["user_id"], "rows": 2},
            {"key": "posts_user_id_fkey", "table": "public.posts", "columns": ["user_id"], "rows": 2},
            {"key": "users_boss_fkey", "table": "public.users", "columns": ["boss"], "rows": 3},
        ],
        "in_turn": [{"table": "public.likes", "rows": 3}],
    }
    said = sqlrail(*told).out
    assert "2 rows of 6 (33.33%) would be archived and deleted" in said
    assert "2 rows of public.posts would be pointed at the rows that stay (posts_user_id_fkey)" in said
    assert "3 rows of public.likes would go as well" in said
    assert contents(connection) == before


def test_the_archive_lists_what_went_and_what_was_pointed_elsewhere(
    db: Connection, database: str, sqlrail: Sqlrail
) -> None:
    db.execute(SHOP)
    clean(database)
    (run,) = json.loads(sqlrail("archive", "list", "--json", "--database-url", database).out)["runs"]
    (noted,) = run["relations"]
    assert (noted["relation"], noted["orphans"], noted["deleted"], noted["changed"], noted["archived"]) == (
        "users.email unique", 2, 5, 7, 12)  # fmt: skip
    assert {(it["source"], it["action"]): it["rows"] for it in run["archived"]} == {
        ("public.users", "duplicate"): 2,
        ("public.likes", "duplicate"): 3,
        ("public.posts", "set reference"): 2,
        ("public.likes", "set reference"): 2,
        ("public.users", "set reference"): 3,
    }


@pytest.mark.parametrize(
    ("keep", "stays"),
    [("newest at", 4), ("oldest at", 1), ("newest id", 5), ("oldest id", 1), ("newest name", 2)],
)
def test_nulls_are_the_oldest_and_the_primary_key_decides_between_equals(
    db: Connection, database: str, keep: str, stays: int
) -> None:
    db.execute(
        """CREATE TABLE users (id int PRIMARY KEY, email text, at int, name text);
        INSERT INTO users VALUES (1, 'a', NULL, 'x'), (2, 'a', 7, 'z'), (3, 'a', NULL, 'y'), (4, 'a', 7, 'x'),
                                 (5, 'a', 1, NULL)"""
    )
    clean(database, f"users.email unique keep {keep}", max_share=1)
    assert db.execute("SELECT id FROM users").fetchall() == [(stays,)]


EQUALS = {
    "char without its blanks": ("char(5)", "'a'", "'a  '"),
    "numeric of another scale": ("numeric", "1.0", "1.00"),
    "a negative zero": ("double precision", "0", "'-0'"),
    "jsonb of another order": ("jsonb", """'{"a": 1, "b": 2}'""", """'{"b": 2, "a": 1}'"""),
    "an interval of other units": ("interval", "'1 day'", "'24 hours'"),
    "an array": ("int[]", "'{1,NULL}'", "'{1,NULL}'"),
}


@pytest.mark.parametrize("case", EQUALS)
def test_rows_are_equal_where_a_unique_constraint_would_say_so(
    case: str, any_database: str, connect: Connect
) -> None:
    type_, one, other = EQUALS[case]
    connection = connect(any_database)
    connection.execute(
        f"""CREATE TABLE t (id int PRIMARY KEY, v {type_});
        INSERT INTO t VALUES (1, {one}), (2, {other}), (3, NULL), (4, NULL)""".encode()
    )
    before = exact(connection, "t")
    run = clean(any_database, "t.v unique keep newest id").run
    assert connection.execute("SELECT id FROM t ORDER BY 1").fetchall() == [(2,), (3,), (4,)]
    connection.execute(
        "ALTER TABLE t ADD CONSTRAINT fulfilled UNIQUE (v); ALTER TABLE t DROP CONSTRAINT fulfilled"
    )
    assert run is not None
    put_back(any_database, run)
    assert exact(connection, "t") == before


def test_a_collation_that_knows_no_case_makes_duplicates_of_cases(
    any_database: str, connect: Connect
) -> None:
    connection = connect(any_database)
    try:
        connection.execute(
            "CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
        )
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("this server is built without ICU")
    connection.execute(
        """CREATE TABLE users (id int PRIMARY KEY, email text COLLATE caseless UNIQUE);
        CREATE TABLE posts (id int PRIMARY KEY, email text REFERENCES users (email));
        ALTER TABLE users ADD other text COLLATE caseless;
        INSERT INTO users VALUES (1, 'a', 'Ada'), (2, 'b', 'ADA'), (3, 'c', 'Grace');
        INSERT INTO posts VALUES (1, 'A'), (2, 'B')"""
    )
    clean(any_database, "users.other unique keep oldest id")
    assert connection.execute("SELECT id FROM users ORDER BY 1").fetchall() == [(1,), (3,)]
    assert connection.execute("SELECT id, email FROM posts ORDER BY 1").fetchall() == [(1, "A"), (2, "a")]


def test_several_columns_are_unique_together_and_a_null_in_one_makes_no_duplicate(
    db: Connection, database: str
) -> None:
    db.execute(
        """CREATE TABLE users (tenant_id int, id int, email text, PRIMARY KEY (tenant_id, id));
        CREATE TABLE posts (tenant_id int, id int, user_id int, PRIMARY KEY (tenant_id, id),
                            FOREIGN KEY (tenant_id, user_id) REFERENCES users ON DELETE CASCADE);
        CREATE TABLE notes (tenant_id int, post_id int, id int PRIMARY KEY,
                            FOREIGN KEY (tenant_id, post_id) REFERENCES posts);
        INSERT INTO users VALUES (1, 1, 'a'), (1, 2, 'a'), (2, 1, 'a'), (2, 3, NULL), (2, 4, NULL);
        INSERT INTO posts VALUES (1, 1, 1), (1, 2, 2), (2, 1, 1); INSERT INTO notes VALUES (1, 1, 1), (2, 1, 2)"""
    )
    before = contents(db)
    # The tenant stays as it is, so that what refers to the post by it does not mind.
    clean(database, "users.(tenant_id, email) unique keep newest id")
    assert db.execute("SELECT tenant_id, id FROM users ORDER BY 1, 2").fetchall() == [
        (1, 2),
        (2, 1),
        (2, 3),
        (2, 4),
    ]
    assert db.execute("SELECT * FROM posts ORDER BY 1, 2").fetchall() == [(1, 1, 2), (1, 2, 2), (2, 1, 1)]
    put_back(database)
    assert contents(db) == before


def test_rows_below_rows_that_were_one_become_one_level_by_level(any_database: str, connect: Connect) -> None:
    connection = connect(any_database)
    connection.execute(
        """CREATE TABLE places (id int PRIMARY KEY, up int REFERENCES places, name text);
        INSERT INTO places VALUES (0, NULL, 'root'), (1, 0, 'a'), (2, 0, 'a'), (3, 1, 'b'), (4, 2, 'b'), (5, 3, 'c'),
                                  (6, 4, 'c'), (7, 4, 'd')"""
    )
    before = contents(connection)
    clean(any_database, "places.(up, name) unique keep oldest id")
    assert connection.execute("SELECT id, up FROM places ORDER BY 1").fetchall() == [
        (0, None), (1, 0), (3, 1), (5, 3), (7, 3)]  # fmt: skip
    connection.execute(
        "ALTER TABLE places ADD CONSTRAINT fulfilled UNIQUE (up, name); ALTER TABLE places DROP CONSTRAINT fulfilled"
    )
    assert reasons(put_back(any_database)) == {}
    assert contents(connection) == before


@pytest.mark.parametrize("way", WAYS)
def test_the_printed_script_goes_level_by_level_as_well(
    way: str, any_database: str, connect: Connect, tmp_path: Path
) -> None:
    connection = connect(any_database)
    connection.execute(
        """CREATE TABLE places (id int PRIMARY KEY, up int REFERENCES places, name text);
        INSERT INTO places VALUES (1, 1, 'a'), (2, 1, 'a'), (3, 1, 'b'), (4, 2, 'b')"""
    )
    line = "places.(up, name) unique keep oldest id"
    if way == "printed":
        told = settings(any_database, migrations=tmp_path)
        connection.execute(room.print_sql(told, nobody, [parse(line)]).sql.encode())
    elif way == "pre-step":
        apply(
            any_database, tmp_path, _1_name=f"-- cleanup: {line}\nALTER TABLE places ADD UNIQUE (up, name);\n"
        )
    else:
        clean(any_database, line)
    assert connection.execute("SELECT id, up FROM places ORDER BY 1").fetchall() == [(1, 1), (3, 1)]


INDEXES = {
    "of some rows": ("UNIQUE (user_id) WHERE is_primary", [(1, 1), (3, 1)]),
    "of an expression": ("UNIQUE (user_id, lower(street))", [(1, 1), (2, 1)]),
    "that knows nulls": ("UNIQUE (user_id, zip) NULLS NOT DISTINCT", [(1, 1)]),
    "of another table's key": ("UNIQUE (zip)", [(1, 1), (2, 1), (3, 1)]),
}


@pytest.mark.parametrize("case", INDEXES)
def test_what_becomes_a_duplicate_by_any_unique_index_goes_as_well(
    case: str, any_database: str, connect: Connect
) -> None:
    index, left = INDEXES[case]
    connection = connect(any_database)
    connection.execute(
        f"""CREATE TABLE users (id int PRIMARY KEY, email text); INSERT INTO users VALUES (1, 'a'), (2, 'a');
        CREATE TABLE homes (id int PRIMARY KEY, user_id int REFERENCES users, street text, zip int, is_primary boolean);
        CREATE {index.replace("UNIQUE", "UNIQUE INDEX ON homes")};
        INSERT INTO homes VALUES (1, 1, 'Elm', NULL, true), (2, 2, 'Oak', NULL, true), (3, 2, 'ELM', NULL, false)
        ON CONFLICT DO NOTHING""".encode()
    )
    before = contents(connection)
    clean(any_database, "users.email unique keep oldest id")
    assert connection.execute("SELECT id, user_id FROM homes ORDER BY 1").fetchall() == left
    assert reasons(put_back(any_database)) == {}
    assert contents(connection) == before


def test_rows_below_what_became_a_duplicate_are_pointed_at_what_stays_of_it(
    any_database: str, connect: Connect
) -> None:
    connection = connect(any_database)
    connection.execute(
        SHOP
        + """CREATE TABLE replies (id int PRIMARY KEY, user_id int, post_id int,
                             FOREIGN KEY (user_id, post_id) REFERENCES likes ON DELETE CASCADE,
                             UNIQUE (user_id, post_id));
        INSERT INTO replies VALUES (1, 1, 10), (2, 2, 10), (3, 4, 10)"""
    )
    before = contents(connection)
    found = clean(any_database)
    assert connection.execute("SELECT * FROM replies ORDER BY 1").fetchall() == [(1, 3, 10), (3, 4, 10)]
    assert found.duplicates is not None
    assert dict(found.duplicates.in_turn) == {"public.likes": 3, "public.replies": 1}
    put_back(any_database)
    assert contents(connection) == before


@pytest.mark.parametrize("partitioned", ["users", "posts"])
def test_partitions_are_parts_of_their_table(partitioned: str, any_database: str, connect: Connect) -> None:
    connection = connect(any_database)
    parts = """PARTITION BY RANGE (id); CREATE TABLE low PARTITION OF {0} FOR VALUES FROM (0) TO (3);
        CREATE TABLE high PARTITION OF {0} DEFAULT"""
    split = {table: parts.format(table) if table == partitioned else "" for table in ("users", "posts")}
    connection.execute(
        f"""CREATE TABLE users (id int PRIMARY KEY, email text) {split["users"]};
        CREATE TABLE posts (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE SET NULL) {split["posts"]};
        INSERT INTO users VALUES (1, 'a'), (2, 'b'), (3, 'a'), (4, 'b');
        INSERT INTO posts VALUES (1, 1), (2, 2), (3, 3), (4, 4)""".encode()
    )
    before = contents(connection)
    clean(any_database, "users.email unique keep newest id")
    assert connection.execute("SELECT * FROM posts ORDER BY 1").fetchall() == [(1, 3), (2, 4), (3, 3), (4, 4)]
    put_back(any_database)
    assert contents(connection) == before


def test_a_relation_without_a_key_is_pointed_at_what_stays_and_not_cleaned_as_orphans(
    any_database: str, connect: Connect, tmp_path: Path
) -> None:
    connection = connect(any_database)
    connection.execute(
        """CREATE TABLE users (id int PRIMARY KEY, email text); CREATE TABLE posts (id int PRIMARY KEY, user_id bigint);
        INSERT INTO users VALUES (1, 'a'), (2, 'a'); INSERT INTO posts VALUES (1, 1), (2, 2), (3, 9)"""
    )
    apply(
        any_database, tmp_path,
        _1_keys="-- cleanup: users.email unique keep newest id\n-- cleanup: posts.user_id -> users.id\n"
        "ALTER TABLE users ADD UNIQUE (email); ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users;\n",
    )  # fmt: skip
    assert connection.execute("SELECT * FROM posts ORDER BY 1").fetchall() == [(1, 2), (2, 2)]
    connection.execute("ALTER TABLE users DROP CONSTRAINT users_email_key")
    put_back(any_database)
    assert connection.execute("SELECT * FROM posts ORDER BY 1").fetchall() == [(1, 1), (2, 2)]


def test_rows_that_have_moved_on_stay_where_they_are(any_database: str, connect: Connect) -> None:
    connection = connect(any_database)
    connection.execute(SHOP)
    clean(any_database)
    connection.execute(
        "UPDATE posts SET user_id = 4 WHERE id = 10; DELETE FROM likes WHERE (user_id, post_id) = (3, 14)"
    )
    found = reasons(put_back(any_database))
    assert sorted(found.items()) == [
        ("its row of public.likes is gone", 1), ("its row of public.posts has been changed since", 1)]  # fmt: skip
    assert connection.execute("SELECT * FROM posts ORDER BY 1").fetchall() == [
        (10, 4),
        (11, 2),
        (12, 3),
        (13, 4),
        (14, None),
    ]
    assert [row[:2] for row in connection.execute("SELECT * FROM likes ORDER BY 1, 2")] == [
        (1, 10), (1, 13), (2, 10), (2, 13), (3, 10), (4, 10)]  # fmt: skip


def test_nothing_comes_back_under_the_constraint_that_it_was_cleaned_for(
    db: Connection, database: str
) -> None:
    db.execute(SHOP)
    clean(database)
    db.execute("ALTER TABLE users ADD UNIQUE (email)")
    before = contents(db)
    result = put_back(database)
    assert counts(result)[0] == 0
    assert "another row has its email by now (users_email_key)" in reasons(result)
    assert contents(db) == before


def test_one_constraint_of_a_run_can_be_restored_alone(db: Connection, database: str) -> None:
    db.execute(SHOP)
    before = contents(db)
    clean(database)
    restore(settings(database), nobody, 1, parse("users.email unique"))
    assert contents(db) == before


# Refused

TRIGGER = """CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER keep BEFORE {} ON {} FOR EACH ROW EXECUTE FUNCTION keep()"""
NEWEST = "users.email unique keep newest id"
#: a schema, what is to be cleaned, and the reason
REFUSED = {
    "a table without a primary key": ("CREATE TABLE users (id int, email text)", NEWEST, "has no primary key"),
    "a child without a primary key": (
        SHOP + """CREATE TABLE logs (user_id int REFERENCES users); INSERT INTO logs VALUES (1)""",
        EMAIL,
        "1 rows of public.logs would refer to another row, but public.logs has no primary key",
    ),
    "a partition key": (
        SHOP
        + """CREATE TABLE logs (user_id int REFERENCES users, PRIMARY KEY (user_id)) PARTITION BY HASH (user_id);
        CREATE TABLE l PARTITION OF logs FOR VALUES WITH (MODULUS 1, REMAINDER 0); INSERT INTO logs VALUES (1)""",
        EMAIL,
        "user_id is in the partition key of public.logs, so the rows would move",
    ),
    "a trigger of the table": (
        SHOP + TRIGGER.format("DELETE", "users"), EMAIL, "the trigger keep on public.users would fire"
    ),
    "a trigger of a child": (
        SHOP + TRIGGER.format("UPDATE", "posts"), EMAIL, "the trigger keep on public.posts would fire"
    ),
    "a rule": (
        SHOP + "CREATE RULE no AS ON DELETE TO users DO INSTEAD NOTHING", EMAIL, "has the rule no for DELETE"
    ),
    "a column of two keys": (
        SHOP
        + """CREATE TABLE accounts (id int PRIMARY KEY); INSERT INTO accounts SELECT id FROM users;
        ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES accounts""",
        EMAIL,
        "user_id is in the key posts_user_id_fkey",
    ),
    "a key that others refer to": (
        SHOP
        + """CREATE TABLE replies (id int PRIMARY KEY, u int, p int,
                              FOREIGN KEY (u, p) REFERENCES likes ON UPDATE CASCADE);
        INSERT INTO replies VALUES (1, 2, 14)""",
        EMAIL,
        "rows of public.replies refer to their user_id",
    ),
    "a row that stays without such a key": (
        """CREATE TABLE users (id int PRIMARY KEY, email text, nick text UNIQUE);
        CREATE TABLE posts (id int PRIMARY KEY, nick text REFERENCES users (nick));
        INSERT INTO users VALUES (1, 'a', 'x'), (2, 'a', NULL); INSERT INTO posts VALUES (1, 'x')""",
        NEWEST,
        "refer by nick to rows that would go, and the row that stays has none",
    ),
    "a key of a partition": (
        """CREATE TABLE users (id int PRIMARY KEY, email text) PARTITION BY RANGE (id);
        CREATE TABLE low PARTITION OF users FOR VALUES FROM (0) TO (2);
        CREATE TABLE high PARTITION OF users DEFAULT;
        CREATE TABLE posts (id int PRIMARY KEY, user_id int REFERENCES low);
        INSERT INTO users VALUES (1, 'a'), (2, 'a'); INSERT INTO posts VALUES (1, 1)""",
        NEWEST,
        "it refers to a partition, which need not have the row that stays",
    ),
    "a circle": (
        """CREATE TABLE users (id int PRIMARY KEY, email text);
        CREATE TABLE posts (id int PRIMARY KEY, user_id int REFERENCES users, up int REFERENCES posts,
                            UNIQUE (user_id, up));
        INSERT INTO users VALUES (1, 'a'), (2, 'a');
        INSERT INTO posts VALUES (0, NULL, NULL), (1, 1, 0), (2, 2, 0), (3, 1, 1), (4, 1, 2)""",
        "users.email unique keep oldest id",
        "and become duplicates themselves, in a circle",
    ),
    "a view": ("CREATE VIEW users AS SELECT 1 AS id, 'a' AS email", NEWEST, "is not a table"),
    "another constraint": (
        SHOP
        + """DELETE FROM posts WHERE user_id = 3;
        ALTER TABLE posts ADD CONSTRAINT not_three CHECK (user_id <> 3)""",
        EMAIL,
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_not_be_put_back_or_would_not_fit_is_refused(
    case: str, any_database: str, connect: Connect
) -> None:
    schema, wanted, why = REFUSED[case]
    connection = connect(any_database)
    connection.execute(schema.encode())
    if why is not None:
        assert why in refusal(connection, any_database, wanted)
        return
    before = contents(connection), archive(connection)
    with pytest.raises(Refused, match="not_three"):
        clean(any_database, wanted)
    assert (contents(connection), archive(connection)) == before


@pytest.mark.parametrize(("event", "table"), [("DELETE", "users"), ("UPDATE", "posts"), ("DELETE", "likes")])
def test_a_trigger_that_keeps_rows_is_found_out(
    event: str, table: str, db: Connection, database: str
) -> None:
    db.execute((SHOP + TRIGGER.format(event, table)).encode())
    before = contents(db), archive(db)
    with pytest.raises(Refused, match="would stay as they are, because a trigger keeps them"):
        clean(database, allow_triggers=("keep",))
    assert (contents(db), archive(db)) == before


@pytest.mark.skipif(max(majors()) < 18, reason="keys over a PERIOD came with PostgreSQL 18")
def test_a_key_over_a_period_is_refused(db: Connection, database: str) -> None:
    db.execute(
        """CREATE TABLE rooms (id int4range, during daterange, name text, PRIMARY KEY (id, during WITHOUT OVERLAPS));
        CREATE TABLE stays (id int PRIMARY KEY, room int4range, during daterange,
                            FOREIGN KEY (room, PERIOD during) REFERENCES rooms (id, PERIOD during));
        INSERT INTO rooms VALUES ('[1,1]', '[2020-01-01,2021-01-01)', 'a'), ('[2,2]', '[2020-01-01,2021-01-01)', 'a');
        INSERT INTO stays VALUES (1, '[1,1]', '[2020-01-01,2021-01-01)')"""
    )
    assert "over a PERIOD" in refusal(db, database, "rooms.name unique keep newest id")


def test_many_duplicates_are_refused_unless_they_are_allowed(db: Connection, database: str) -> None:
    db.execute(SHOP)
    assert "2 of 6 rows of public.users are duplicates that would go" in refusal(db, database, max_rows=1)
    assert clean(database, max_rows=1, max_share=1.0).orphans == 2


def test_a_childs_duplicates_are_weighed_like_the_tables_own(db: Connection, database: str) -> None:
    db.execute(SHOP)
    assert "3 of 7 rows of public.likes are duplicates" in refusal(db, database, max_rows=2)


WRONG = {
    "a column that is not there": ("users.mail unique keep newest id", "has no column mail"),
    "an order that is not there": ("users.email unique keep newest at", "has no column at"),
    "an order that is none": ("users.email unique keep newest more", "an ordering operator for type json"),
    "a column that cannot be equal": ("users.more unique keep newest id", "for type json"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("way", ["cleanup", "pre-step"])
def test_what_is_not_there_or_cannot_be_ordered_is_wrong_usage(
    case: str, way: str, any_database: str, connect: Connect, tmp_path: Path
) -> None:
    line, why = WRONG[case]
    connection = connect(any_database)
    connection.execute(SHOP + "ALTER TABLE users ADD more json")
    before = contents(connection)
    with pytest.raises((BadFile, UsageError), match=why) as caught:  # noqa: PT012
        if way == "pre-step":
            apply(any_database, tmp_path, _1_email=f"-- cleanup: {line}\nSELECT 1;\n")
        else:
            clean(any_database, line)
    assert caught.value.exit_code == 2
    assert contents(connection) == before


def test_online_it_is_refused_with_the_reason(db: Connection, database: str) -> None:
    db.execute(SHOP)
    before = contents(db)
    with pytest.raises(Refused, match="it is done in one transaction: clean it without --online"):
        online.cleanup(settings(database), nobody, [parse(EMAIL)])
    assert contents(db) == before


def test_where_there_are_none_nothing_is_locked_and_no_run_is_made(db: Connection, database: str) -> None:
    db.execute(SHOP + "UPDATE users SET email = id::text")
    with psycopg.connect(database) as writer:
        writer.execute("UPDATE users SET boss = NULL")
        assert clean(database, lock_timeout=0.1).run is None


def test_hostile_names_are_only_names(any_database: str, connect: Connect) -> None:
    connection = connect(any_database)
    connection.execute(
        """CREATE SCHEMA "a.b"; CREATE TABLE "a.b"."it's %s" (id int PRIMARY KEY, "the ""mail"" %" text, u1 text);
        CREATE TABLE "x{}" ("v1" int REFERENCES "a.b"."it's %s", "c" int, tid int, part int, k1 int PRIMARY KEY,
                            UNIQUE (v1, part));
        INSERT INTO "a.b"."it's %s" VALUES (1, 'a', 'x'), (2, 'a', 'y');
        INSERT INTO "x{}" VALUES (1, 1, 1, 1, 1), (2, 2, 2, 1, 2), (1, 3, 3, 3, 3)"""
    )
    before = contents(connection)
    clean(any_database, """"a.b"."it's %s"."the ""mail"" %" unique keep newest u1""")
    assert connection.execute('SELECT k1, v1 FROM "x{}" ORDER BY 1').fetchall() == [(2, 2), (3, 2)]
    put_back(any_database)
    assert contents(connection) == before


@pytest.mark.parametrize(
    "text",
    [
        "users.email unique",
        "users.email unique newest id",
        "users.email unique keep id",
        "users.email unique keep newest a, b",
    ],
)
def test_a_line_that_does_not_say_what_stays_is_wrong(text: str, tmp_path: Path, database: str) -> None:
    with pytest.raises(BadFile, match=r"001_email\.sql:1:1"):
        apply(database, tmp_path, _001_email=f"-- cleanup: {text}\nSELECT 1;\n")


@pytest.mark.parametrize(
    ("text", "columns", "newest", "by"),
    [
        ("a.b UNIQUE KEEP NEWEST c", ("b",), True, "c"),
        ('s.a.(b, "C d") unique keep oldest "E"', ("b", "C d"), False, "E"),
    ],
)
def test_a_line_is_read(text: str, columns: tuple[str, ...], newest: bool, by: str) -> None:
    found = parse(text)
    assert isinstance(found, Unique)
    assert (found.columns, found.keeps_newest, found.by) == (columns, newest, by)
    assert str(parse(str(found))) == str(found)


def test_online_declared_ones_are_left_out_and_said_where_there_are_any(
    db: Connection, database: str, sqlrail: Sqlrail, tmp_path: Path
) -> None:
    db.execute(
        SHOP + "ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey; INSERT INTO posts VALUES (15, 99)"
    )
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "001_a.sql").write_text(
        f"-- cleanup: {EMAIL}\n-- cleanup: posts.user_id -> users.id\nSELECT 1;\n"
    )
    told = ["cleanup", "--online", "--migrations", str(folder), "--database-url", database]
    said = sqlrail(*told).out
    assert "users.email unique: would be refused: which rows become duplicates" in said
    assert "1 row deleted" in said
    assert db.execute("SELECT count(*) FROM users WHERE email = 'ada'").fetchall() == [(3,)]
    clean(database)
    assert "users.email unique: no duplicates" in sqlrail(*told).out
