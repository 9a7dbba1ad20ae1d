"""Relations: composite keys, where relations come from, and the order in which they are cleaned."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import console
import psycopg
import pytest
import test_cleanup
from conftest import Connect, majors, query
from console import Sqlrail, put
from test_cleanup import (
    ORDERS,
    SHOP,
    apply,
    archive,
    as_role,
    check_cascades,
    clean,
    ids,
    refusal,
    settings,
)
from waiting import wait_until_blocked

from sqlrail.engine.backend import Backend
from sqlrail.errors import DatabaseFailed, Refused
from sqlrail.ground.events import nobody
from sqlrail.ground.relation import Relation
from sqlrail.orphans.cleaned import Cleaned
from sqlrail.orphans.facts import Facts
from sqlrail.verbs import cleanup as room
from sqlrail.verbs.restore import restore

sqlrail = console.sqlrail
role = test_cleanup.role

Connection = psycopg.Connection[Any]


@pytest.fixture
def db(database: str, connect: Connect) -> Connection:
    return connect(database)


def known(url: str, folder: Path, *, every: bool = False) -> list[str]:
    """The relations that a dry run looks at, in their order."""
    told = settings(url, migrations=folder)
    found = room.cleanup(told, nobody, every=every, dry_run=True)
    return [str(one.relation) for one in found.relations]


# Composite keys

PAIRS = """
    CREATE TABLE seats (hall text, "No" int, PRIMARY KEY ("No", hall));
    CREATE TABLE tickets (id int PRIMARY KEY, hall text, seat int);
    INSERT INTO seats VALUES ('A', 1), ('A', 2), ('B', 1);
    INSERT INTO tickets VALUES (1, 'A', 1), (2, 'B', 2), (3, 'B', 1), (4, NULL, 2), (5, 'C', NULL), (6, NULL, NULL),
                               (7, 'C', 1), (8, 'B', 2);
"""
TICKETS = 'tickets.(hall, seat) -> seats.(hall, "No")'


@pytest.mark.parametrize(
    ("text", "printed", "relation"),
    [
        ("a.(b,C) -> d.( e , \"F\" )", 'a.(b, c) -> d.(e, "F")', (("a",), ("b", "c"), ("d",), ("e", "F"))),
        ("s.a . (b, c) -> t.d.(e, f)", "s.a.(b, c) -> t.d.(e, f)", (("s", "a"), ("b", "c"), ("t", "d"), ("e", "f"))),
        ("a.(b) -> c.d", "a.b -> c.d", (("a",), ("b",), ("c",), ("d",))),
        ('"a.(b".("c,d", "e)") -> "->".(f, g)', '"a.(b".("c,d", "e)") -> "->".(f, g)',
         (("a.(b",), ("c,d", "e)"), ("->",), ("f", "g"))),
    ],
)  # fmt: skip
def test_composite_keys_are_read_and_written(text: str, printed: str, relation: tuple[Any, ...]) -> None:
    parsed = Relation.parse(text)
    assert parsed == Relation(*relation)
    assert str(parsed) == printed
    assert Relation.parse(printed) == parsed


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a.(b, c) -> d.e", "has 2 columns for 1 of the key"),
        ("a.b -> d.(e, f)", "has 1 columns for 2 of the key"),
        ("a.() -> b.()", "is not of the form"),
        ("a.(b,) -> c.(d,)", "is not of the form"),
        ("(a, b) -> c.(d, e)", "is not of the form"),
        ("a.b.c.(d, e) -> f.(g, h)", "is not of the form"),
    ],
)
def test_what_is_no_composite_key_is_said_to_be_none(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Relation.parse(text)


def test_a_row_with_a_null_in_a_composite_key_is_no_orphan(any_database: str, connect: Connect) -> None:
    db = connect(any_database)
    db.execute(PAIRS)
    (seen,) = clean(any_database, TICKETS, dry_run=True).relations
    assert seen.seen is not None
    assert (seen.orphans, seen.seen.missing_keys, seen.seen.null_keys) == (3, 2, 3)
    assert seen.seen.samples == [
        {"key": {"hall": "B", "seat": "2"}, "row": {"id": "2"}, "rows": 2},
        {"key": {"hall": "C", "seat": "1"}, "row": {"id": "7"}, "rows": 1},
    ]
    (one,) = clean(any_database, TICKETS).relations
    assert (one.deleted, one.archived) == (3, 3)
    assert ids(db, "tickets") == [1, 3, 4, 5, 6]
    assert [cells["id"] for _, _, cells in archive(db)] == ["2", "7", "8"]
    db.execute('ALTER TABLE tickets ADD FOREIGN KEY (hall, seat) REFERENCES seats (hall, "No")')


def test_a_file_cleans_a_composite_key_and_adds_it(db: Connection, database: str, tmp_path: Path) -> None:
    db.execute(PAIRS)
    key = 'ALTER TABLE tickets ADD FOREIGN KEY (seat, hall) REFERENCES seats ("No", hall);'
    apply(database, tmp_path, _001=f"-- cleanup: public.{TICKETS}\n{key}")
    assert ids(db, "tickets") == [1, 3, 4, 5, 6]


def test_the_json_names_all_columns_of_a_composite_key(database: str, sqlrail: Sqlrail) -> None:
    query(database, PAIRS)
    done = sqlrail("cleanup", "--json", "--database-url", database, "--relation", TICKETS)
    (one,) = done.document["relations"]
    assert (one["column"], one["key"]) == ("(hall, seat)", '(hall, "No")')
    assert (one["columns"], one["keys"]) == (["hall", "seat"], ["hall", "No"])
    (run,) = query(database, "SELECT relations->0->>'relation' FROM sqlrail.run")
    assert run == (TICKETS,)


@pytest.mark.parametrize(
    ("setup", "relation", "message"),
    [
        ("", 'tickets.(hall, seat) -> seats.(hall, hall)', "seats.(hall, hall) are not unique, so they are no key"),
        ("ALTER TABLE seats ADD c int NOT NULL DEFAULT 1", "tickets.(hall, seat) -> seats.(hall, c)",
         "seats.(hall, c) are not unique"),
        ("", "tickets.hall -> seats.hall", "seats.hall is not unique, so it is not a key"),
        (("ALTER TABLE seats DROP CONSTRAINT seats_pkey, ADD UNIQUE (\"No\", hall);"
         "ALTER TABLE seats ALTER hall DROP NOT NULL"),
         TICKETS, "seats.hall may be null, so it is not a key"),
    ],
)  # fmt: skip
def test_what_is_no_composite_key_of_the_parent_refuses(
    db: Connection, database: str, setup: str, relation: str, message: str
) -> None:
    db.execute((PAIRS + setup).encode())
    assert message in refusal(db, database, relation).replace('"', "")


def test_a_composite_key_without_a_column_is_skipped(db: Connection, database: str) -> None:
    db.execute(PAIRS)
    with pytest.raises(Refused, match='"seats" has no column "row"'):
        clean(database, "tickets.(hall, seat) -> seats.(hall, row)")


def test_cascades_below_a_composite_key_are_archived(db: Connection, database: str) -> None:
    db.execute(
        """CREATE TABLE p (no text, x int, y int, PRIMARY KEY (x, y)); INSERT INTO p VALUES ('p1', 1, 1);
        CREATE TABLE c (no text, a int, b int, z int, PRIMARY KEY (z, a, b));
        CREATE TABLE d (no text, b int, z int, a int, FOREIGN KEY (a, b, z) REFERENCES c (a, b, z) ON DELETE CASCADE);
        INSERT INTO c VALUES ('c1', 1, 1, 1), ('c2', 1, 2, 2), ('c3', 2, 1, 2);
        INSERT INTO d VALUES ('d1', 1, 1, 1), ('d2', 2, 2, 1), ('d3', 1, 2, 2), ('d4', 1, NULL, 2)"""
    )
    assert check_cascades(db, database, "c.(b, a) -> p.(y, x)") == Counter(
        {("c", "orphan"): 2, ("d", "cascade"): 2}
    )


# What counts as equal


def test_keys_are_compared_as_their_index_does_whatever_the_search_path(
    db: Connection, database: str
) -> None:
    """Ada is there. The = that is in sight is another than the key's own."""
    db.execute(
        """CREATE SCHEMA away;
        CREATE TYPE away.name AS (v text);
        CREATE FUNCTION away.cmp(away.name, away.name) RETURNS int IMMUTABLE LANGUAGE sql
            AS 'SELECT bttextcmp(lower(($1).v), lower(($2).v))';
        CREATE FUNCTION away.eq(away.name, away.name) RETURNS boolean IMMUTABLE LANGUAGE sql
            AS 'SELECT away.cmp($1, $2) = 0';
        CREATE FUNCTION away.lt(away.name, away.name) RETURNS boolean IMMUTABLE LANGUAGE sql
            AS 'SELECT away.cmp($1, $2) < 0';
        CREATE OPERATOR away.= (LEFTARG = away.name, RIGHTARG = away.name, FUNCTION = away.eq);
        CREATE OPERATOR away.< (LEFTARG = away.name, RIGHTARG = away.name, FUNCTION = away.lt);
        CREATE OPERATOR CLASS away.ops DEFAULT FOR TYPE away.name USING btree AS
            OPERATOR 1 away.<, OPERATOR 3 away.=, FUNCTION 1 away.cmp(away.name, away.name);
        CREATE TABLE users (id away.name PRIMARY KEY); CREATE TABLE orders (id int, user_id away.name);
        INSERT INTO users VALUES (ROW('Ada')); INSERT INTO orders VALUES (1, ROW('ada')), (2, ROW('Bob'))"""
    )
    naive = "SELECT id FROM orders WHERE user_id NOT IN (SELECT id FROM users) ORDER BY 1"
    assert db.execute(naive.encode()).fetchall() == [(1,), (2,)]
    assert clean(database).relations[0].deleted == 1
    assert ids(db) == [1]
    db.execute("ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users")


@pytest.mark.parametrize("parent", ["citext", "text"])
def test_letters_that_are_one_to_the_key_are_one_to_us(db: Connection, database: str, parent: str) -> None:
    """And two where the key says so, whatever = the search_path leads to."""
    try:
        db.execute("CREATE SCHEMA away; CREATE EXTENSION citext SCHEMA away")
    except psycopg.errors.FeatureNotSupported as exc:
        pytest.skip(f"{exc.diag.message_primary}")
    types = {"citext": "away.citext", "text": "text"}
    db.execute(
        f"""CREATE TABLE users (id {types[parent]} PRIMARY KEY); CREATE TABLE orders (id int, user_id away.citext);
        INSERT INTO users VALUES ('Ada'); INSERT INTO orders VALUES (1, 'Ada'), (2, 'ada'), (3, 'Bob')""".encode()
    )
    gone = [3] if parent == "citext" else [2, 3]
    (seen,) = clean(database, dry_run=True).relations
    assert seen.seen is not None
    assert (seen.orphans, len(seen.seen.samples)) == (len(gone), len(gone))
    assert clean(database).relations[0].deleted == len(gone)
    assert ids(db) == sorted({1, 2, 3} - set(gone))
    db.execute("ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users")


#: pairs of types that a foreign key admits, a parent, children, and those of them that it has not
PAIRED = {
    "blanks behind a char": ("char(3)", "text", "b", ["a", "b", "b  "], ["a"]),
    "a name": ("name", "varchar", "b", ["b", "c"], ["c"]),
    "a wider number": ("int", "bigint", "1", ["1", "10000000001"], ["10000000001"]),
    "a domain": ("amount", "int", "1.0", ["1", "2"], ["2"]),
    "collations": ('text COLLATE "C"', 'text COLLATE "POSIX"', "b", ["b", "c"], ["c"]),
    "arrays": ("int[]", "int[]", "{1,NULL}", ["{1,NULL}", "{1}"], ["{1}"]),
}


@pytest.mark.parametrize("case", PAIRED)
def test_two_types_are_compared_as_a_foreign_key_compares_them(
    case: str, db: Connection, database: str
) -> None:
    """At every place: the orphans, what a cascade takes along, and whether a parent is there again."""
    key, column, parent, children, gone = PAIRED[case]
    left = [child for child in children if child not in gone]
    db.execute(
        f"""CREATE DOMAIN amount AS numeric; CREATE TABLE users (id {key} PRIMARY KEY);
        CREATE TABLE orders (user_id {column}); CREATE TABLE teams (id int PRIMARY KEY); INSERT INTO teams VALUES (1);
        CREATE TABLE members (id {key} PRIMARY KEY, team_id int);
        CREATE TABLE visits (member_id {column} REFERENCES members ON DELETE CASCADE)""".encode()
    )
    with db.cursor() as cursor:
        cursor.execute("INSERT INTO users VALUES (%s)", [parent])
        cursor.execute("INSERT INTO members VALUES (%s, 2)", [parent])
        cursor.executemany("INSERT INTO orders VALUES (%s)", [[child] for child in children])
        cursor.executemany("INSERT INTO visits VALUES (%s)", [[child] for child in left])
    assert clean(database).relations[0].deleted == len(gone)
    assert db.execute("SELECT user_id::text FROM orders ORDER BY 1").fetchall() == [(it,) for it in left]
    db.execute("ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users")

    assert clean(database, "members.team_id -> teams.id").relations[0].archived == 1 + len(left)
    assert db.execute("SELECT FROM visits").fetchall() == []
    db.execute("INSERT INTO teams VALUES (2)")
    restore(settings(database), nobody, 2)
    assert db.execute("SELECT member_id::text FROM visits ORDER BY 1").fetchall() == [(it,) for it in left]


def test_what_hangs_on_the_sessions_time_zone_is_refused(db: Connection, database: str) -> None:
    """The key is valid, and its row would be an orphan under UTC."""
    db.execute(
        """SET timezone = 'Asia/Tokyo';
        CREATE TABLE days (at timestamptz PRIMARY KEY); INSERT INTO days VALUES ('2024-01-01'), ('2024-01-02');
        CREATE TABLE orders (id int, day date REFERENCES days); INSERT INTO orders VALUES (1, '2024-01-01')"""
    )
    with pytest.raises(Refused, match="day and at are equal hangs on the session's settings"):
        clean(database, "orders.day -> days.at")
    assert ids(db) == [1]


# Where relations come from

KEYS = """
    CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);
    CREATE TABLE sure (id int, user_id int REFERENCES users ON DELETE CASCADE);
    CREATE TABLE unsure (id int, user_id int); INSERT INTO unsure VALUES (1, 1), (2, 2), (3, NULL);
    ALTER TABLE unsure ADD CONSTRAINT one FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE NOT VALID;
"""


def test_a_key_that_is_not_validated_is_a_relation(db: Connection, database: str, tmp_path: Path) -> None:
    db.execute(KEYS)
    assert known(database, tmp_path / "none") == ["unsure.user_id -> users.id"]
    done = room.cleanup(settings(database, migrations=tmp_path / "none"), nobody)
    assert done.relations[0].deleted == 1
    db.execute("ALTER TABLE unsure VALIDATE CONSTRAINT one")
    with pytest.raises(
        Refused, match=r"no foreign key that is not validated: .* take every key's with --all"
    ):
        known(database, tmp_path / "none")


def test_all_takes_the_valid_keys_as_well(db: Connection, database: str, tmp_path: Path) -> None:
    """Behind which a restored dump or a disabled trigger may have left orphans."""
    db.execute(KEYS)
    db.execute("SET session_replication_role = replica; INSERT INTO sure VALUES (7, 7)")
    both = ["sure.user_id -> users.id", "unsure.user_id -> users.id"]
    assert known(database, tmp_path / "none", every=True) == both
    done = room.cleanup(settings(database, migrations=tmp_path / "none"), nobody, every=True)
    assert [one.deleted for one in done.relations] == [1, 1]


def test_one_relation_in_several_spellings_is_there_once(
    db: Connection, database: str, tmp_path: Path
) -> None:
    db.execute(
        f"{KEYS} ALTER TABLE unsure ADD CONSTRAINT two FOREIGN KEY (user_id) REFERENCES users NOT VALID"
    )
    declared = "-- cleanup: public.unsure.user_id -> users.id\n-- cleanup: UNSURE.user_id -> users.id\n"
    put({"001_a.sql": f"{declared}SELECT 1;"}, tmp_path)
    (one,) = room.cleanup(settings(database, migrations=tmp_path), nobody, dry_run=True).relations
    assert str(one.relation) == "public.unsure.user_id -> users.id"
    assert one.foreign_keys == (
        "one, not valid: on delete cascade",
        "two, not valid: on delete no action",
    )


def test_a_declared_relation_and_a_key_of_other_pairs_are_two(
    db: Connection, database: str, tmp_path: Path
) -> None:
    db.execute(
        """CREATE TABLE p (x int, y int, UNIQUE (x, y)); CREATE TABLE c (a int, b int);
        ALTER TABLE c ADD FOREIGN KEY (a, b) REFERENCES p (x, y) NOT VALID,
                      ADD FOREIGN KEY (b, a) REFERENCES p (y, x) NOT VALID,
                      ADD FOREIGN KEY (a, b) REFERENCES p (y, x) NOT VALID"""
    )  # fmt: skip
    assert known(database, tmp_path / "none") == ["c.(a, b) -> p.(x, y)", "c.(a, b) -> p.(y, x)"]


def test_keys_of_partitions_and_of_out_of_sight_tables(db: Connection, database: str, tmp_path: Path) -> None:
    db.execute(
        """CREATE SCHEMA away; CREATE TABLE away.users (id int PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE away.low PARTITION OF away.users FOR VALUES FROM (0) TO (10);
        CREATE TABLE away.high PARTITION OF away.users FOR VALUES FROM (10) TO (20);
        CREATE TABLE "Kid" (id int, "User" int REFERENCES away.users) PARTITION BY RANGE (id);
        CREATE TABLE kid_low PARTITION OF "Kid" FOR VALUES FROM (0) TO (10);
        CREATE TABLE kid_high (id int, "User" int);
        ALTER TABLE "Kid" ATTACH PARTITION kid_high FOR VALUES FROM (10) TO (20);
        CREATE TEMP TABLE t_users (id int PRIMARY KEY); CREATE TEMP TABLE t (user_id int REFERENCES t_users)"""
    )
    assert known(database, tmp_path / "none", every=True) == ['"Kid"."User" -> away.users.id']


@pytest.mark.skipif(
    not majors() or max(majors()) < 18, reason="PERIOD and NOT ENFORCED came with PostgreSQL 18"
)
def test_keys_that_mean_something_else_are_no_relations(
    db: Connection, database: str, tmp_path: Path
) -> None:
    db.execute(
        """CREATE TABLE p (id int4range, during tstzrange, PRIMARY KEY (id, during WITHOUT OVERLAPS));
        CREATE TABLE c (p_id int4range, during tstzrange,
                        FOREIGN KEY (p_id, PERIOD during) REFERENCES p (id, PERIOD during));
        CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE o (user_id int REFERENCES users NOT ENFORCED)"""
    )
    with pytest.raises(Refused, match="no foreign key"):
        known(database, tmp_path / "none")
    assert known(database, tmp_path / "none", every=True) == ["o.user_id -> users.id"]
    with pytest.raises(Refused, match="are not unique"):
        clean(database, "c.(p_id, during) -> p.(id, during)")


def test_a_folder_without_a_relation_and_a_database_without_a_key_refuse(
    database: str, sqlrail: Sqlrail
) -> None:
    put({"migrations/001_a.sql": "SELECT 1;"})
    refused = sqlrail("cleanup", "--database-url", database, "--json")
    assert (refused.code, refused.error["kind"]) == (3, "refused")
    assert "declares a relation" in refused.error["message"]
    assert sqlrail("cleanup", "--database-url", database, "--all", "--relation", ORDERS).code == 2


# Order

CHAIN = """
    CREATE TABLE a (id int PRIMARY KEY);
    CREATE TABLE b (id int PRIMARY KEY, a int); CREATE TABLE c (id int PRIMARY KEY, b int);
    CREATE TABLE d (id int PRIMARY KEY, c int);
    INSERT INTO a VALUES (1); INSERT INTO b VALUES (1, 1), (2, 9); INSERT INTO c VALUES (1, 1), (2, 2), (3, 7);
    INSERT INTO d VALUES (1, 1), (2, 2), (3, 3)
"""


def test_parents_are_cleaned_before_their_children_so_that_each_is_looked_at_once(
    db: Connection, database: str
) -> None:
    db.execute(CHAIN)
    clean(database, "d.c -> c.id", "c.b -> b.id", "b.a -> a.id")
    ((relations,),) = db.execute("SELECT relations FROM sqlrail.run").fetchall()
    assert [(one["relation"], one["deleted"]) for one in relations] == [
        ("b.a -> a.id", 1),
        ("c.b -> b.id", 2),
        ("d.c -> c.id", 2),
    ]


def test_relations_in_a_circle_are_repeated_until_none_is_left(db: Connection, database: str) -> None:
    db.execute(
        """CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (id int PRIMARY KEY, a int);
        INSERT INTO a SELECT n, n FROM generate_series(1, 20) AS n; INSERT INTO a VALUES (100, 100);
        INSERT INTO b SELECT n, n + 1 FROM generate_series(1, 20) AS n; INSERT INTO b VALUES (100, 100)"""
    )
    done = clean(database, "a.b -> b.id", "b.a -> a.id")
    assert [one.deleted for one in done.relations] == [20, 20]
    assert ids(db, "a") == ids(db, "b") == [100]


def test_children_of_rows_that_a_cascade_took_are_cleaned_in_the_same_run(
    db: Connection, database: str
) -> None:
    db.execute(
        SHOP
        + """CREATE TABLE lines (id int PRIMARY KEY, order_id int REFERENCES orders ON DELETE CASCADE);
        CREATE TABLE notes (id int, line_id int);
        INSERT INTO lines VALUES (1, 10), (2, 13); INSERT INTO notes VALUES (1, 1), (2, 2)"""
    )
    done = clean(database, "notes.line_id -> lines.id", ORDERS)
    assert [one.deleted for one in done.relations] == [1, 1]
    assert ids(db, "notes") == [1]


def test_children_of_a_partition_are_cleaned_after_the_whole(db: Connection, database: str) -> None:
    db.execute(
        """CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);
        CREATE TABLE orders (id int PRIMARY KEY, user_id int, up int) PARTITION BY RANGE (id);
        CREATE TABLE low PARTITION OF orders FOR VALUES FROM (0) TO (10);
        CREATE TABLE high PARTITION OF orders FOR VALUES FROM (10) TO (20);
        CREATE TABLE notes (id int, low_id int);
        INSERT INTO orders VALUES (1, 1, NULL), (2, 9, NULL), (11, 1, 2), (12, 1, 11);
        INSERT INTO notes VALUES (1, 1), (2, 2)"""
    )
    done = clean(database, "notes.low_id -> low.id", "high.up -> orders.id", ORDERS)
    assert [one.deleted for one in done.relations] == [1, 2, 1]
    assert (ids(db), ids(db, "notes")) == ([1], [1])


def test_what_has_no_orphans_is_not_locked(db: Connection, database: str, connect: Connect) -> None:
    db.execute(SHOP + "CREATE TABLE carts AS SELECT 1 AS id, 1 AS user_id")
    writer = connect(database, autocommit=False)
    writer.execute("LOCK TABLE carts IN ROW EXCLUSIVE MODE")
    assert clean(database, ORDERS, "carts.user_id -> users.id", lock_timeout=0.2).run == 1
    writer.execute("LOCK TABLE orders, users IN ROW EXCLUSIVE MODE")
    assert clean(database, ORDERS, "carts.user_id -> users.id", lock_timeout=0.2).run is None


def test_the_tables_of_several_relations_are_locked_together(
    db: Connection, database: str, connect: Connect
) -> None:
    """A writer that holds the one and then wants the other gets it while the cleanup waits."""

    db.execute(SHOP + "CREATE TABLE carts AS SELECT 1 AS id, 98 AS user_id; CREATE TABLE carters (id int PRIMARY KEY);"
               "INSERT INTO carters VALUES (1)")  # fmt: skip
    writer = connect(database, autocommit=False)
    writer.execute("LOCK TABLE carts IN ROW EXCLUSIVE MODE")
    results: list[Any] = []
    relations = (ORDERS, "carts.user_id -> carters.id")
    thread = threading.Thread(target=lambda: results.append(clean(database, *relations, lock_timeout=20.0)))
    thread.start()
    wait_until_blocked(db)
    writer.execute("SET LOCAL lock_timeout = '500ms'")
    writer.execute("LOCK TABLE orders IN ROW EXCLUSIVE MODE")
    writer.commit()
    thread.join()
    assert [one.deleted for one in results[0].relations] == [1, 1]


def test_a_row_that_is_set_to_null_twice_and_is_an_orphan_of_another_key_is_cleaned_first(
    db: Connection, database: str
) -> None:
    """PostgreSQL looks at all keys of a row again that one transaction changes twice."""
    db.execute("CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (0);"
               "CREATE TABLE t (id int PRIMARY KEY, a int, b int, other int, gone int);"
               "INSERT INTO t VALUES (0, NULL, NULL, NULL, NULL), (1, NULL, NULL, NULL, 9), (2, 1, 1, 7, NULL);"
               "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES t ON DELETE SET NULL,"
               " ADD FOREIGN KEY (b) REFERENCES t ON DELETE SET NULL,"
               " ADD CONSTRAINT others FOREIGN KEY (other) REFERENCES p NOT VALID")  # fmt: skip
    with pytest.raises(
        DatabaseFailed, match=r"orphans of the key others as well, clean those first, with its"
    ):
        clean(database, "t.gone -> p.id")
    assert ids(db, "t") == [0, 1, 2]
    assert clean(database, "t.other -> p.id").run == 1
    assert clean(database, "t.gone -> p.id").run == 2
    assert ids(db, "t") == [0]


def test_the_result_has_the_order_that_was_given(database: str, sqlrail: Sqlrail) -> None:
    query(database, CHAIN)
    done = sqlrail("cleanup", "--json", "--database-url", database, "--relation", "c.b -> b.id", "--relation",
                   "b.a -> a.id", "--relation", "c.b -> b.id")  # fmt: skip
    assert [one["child"] for one in json.loads(done.out)["relations"]] == ["c", "b"]


# Many relations

MANY = """
    DO $$ BEGIN
        FOR n IN 1 .. 30 LOOP
            EXECUTE format('CREATE TABLE p%1$s (id int PRIMARY KEY)', n);
            EXECUTE format('CREATE TABLE c%1$s (id int PRIMARY KEY, p int)', n);
            EXECUTE format('ALTER TABLE c%1$s ADD FOREIGN KEY (p) REFERENCES p%1$s ON DELETE CASCADE NOT VALID', n);
        END LOOP;
    END $$;
"""


@pytest.mark.parametrize("together", [1, 7, 100])
def test_many_relations_are_looked_at_together_and_told_as_one_by_one(
    together: int, db: Connection, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.execute(MANY)
    # an orphan and a null, a null alone, an orphan of an empty parent, a table with a rule
    db.execute(
        """SET session_replication_role = replica;
        INSERT INTO p3 VALUES (1); INSERT INTO c3 VALUES (1, 1), (2, 2), (3, NULL);
        INSERT INTO c4 VALUES (1, NULL); INSERT INTO c5 VALUES (1, 5); RESET session_replication_role;
        CREATE RULE r AS ON DELETE TO c6 DO INSTEAD NOTHING"""
    )
    monkeypatch.setattr(room, "TOGETHER", together)
    told = settings(database, migrations=tmp_path / "none")
    done = {
        one.relation.child[0]: one for one in room.cleanup(told, nobody, every=True, dry_run=True).relations
    }
    assert len(done) == 30
    assert {name: one.orphans for name, one in done.items() if one.orphans} == {"c3": 1, "c5": 1}
    assert {name: one.seen.null_keys for name, one in done.items() if one.seen and one.seen.null_keys} == {
        "c3": 1, "c4": 1}  # fmt: skip
    assert done["c3"].seen
    assert done["c3"].seen.samples == [{"key": {"p": "2"}, "row": {"id": "2"}, "rows": 1}]
    assert [name for name, one in done.items() if one.refusals] == ["c5", "c6"]
    db.execute("DELETE FROM c5; DROP RULE r ON c6")
    assert [one.deleted for one in room.cleanup(told, nobody, every=True).relations if one.orphans] == [1]


def test_where_one_of_many_cannot_be_looked_at_the_others_are(
    db: Connection, database: str, role: str, tmp_path: Path
) -> None:
    db.execute(MANY)
    db.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}".encode())
    db.execute(f"REVOKE SELECT ON p2 FROM {role}".encode())
    told = settings(as_role(database, role), migrations=tmp_path / "none")
    done = room.cleanup(told, nobody, every=True, dry_run=True).relations
    assert {one.relation.child[0]: one.refusals for one in done if one.refusals} == {
        "c2": ("permission denied for table p2; rows that this role may not see would count as missing",)
    }


#: Keys that no guard can have anything against, and keys that one has, or that have more to be told of.
PLAIN = {
    "no_word": "p int REFERENCES parent",
    "restricted": "p int REFERENCES parent ON DELETE RESTRICT",
    "cascading": "p int REFERENCES parent ON DELETE CASCADE",
    "emptied": "p int REFERENCES parent ON DELETE SET NULL",
    "of_text": "p text REFERENCES parent_of_text ON DELETE CASCADE",
    "of_varchar": "p varchar(9) REFERENCES parent_of_varchar ON DELETE CASCADE",
    "of_enum": "p mood REFERENCES parent_of_mood ON DELETE CASCADE",
    "of_time": "p timestamptz REFERENCES parent_of_time ON DELETE CASCADE",
    "of_itself": "p int REFERENCES of_itself",
    '"Quoted ""name"': 'p int REFERENCES away."Parent" ON DELETE CASCADE',
}
NOT_PLAIN = {
    "set_default": "p int DEFAULT 1 REFERENCES parent ON DELETE SET DEFAULT",
    "of_two": "p int, q int, FOREIGN KEY (p, q) REFERENCES parent_of_two ON DELETE CASCADE",
    "by_another_type": "p bigint REFERENCES parent ON DELETE CASCADE",
    "by_a_domain": "p whole REFERENCES parent ON DELETE CASCADE",
    "of_a_unique": "p int REFERENCES parent (other) ON DELETE CASCADE",
    "said_twice": "p int REFERENCES parent ON DELETE CASCADE, FOREIGN KEY (p) REFERENCES parent ON DELETE SET NULL",
    "not_to_be_null": "p int NOT NULL DEFAULT 9 REFERENCES parent ON DELETE SET NULL",
    "of_itself_deep": "p int REFERENCES of_itself_deep ON DELETE CASCADE",
    "referred_to": "p int REFERENCES parent ON DELETE CASCADE",
    "parted": "p int REFERENCES parent ON DELETE CASCADE",
    "with_a_rule": "p int REFERENCES parent ON DELETE CASCADE",
    "with_a_trigger": "p int REFERENCES parent ON DELETE CASCADE",
    "with_an_idle_key": "p int REFERENCES parent ON DELETE CASCADE",
    "published": "p int REFERENCES parent ON DELETE CASCADE",
}


def make_keys(db: Connection) -> None:
    db.execute(
        """CREATE SCHEMA away; CREATE TYPE mood AS ENUM ('a', 'b'); CREATE DOMAIN whole AS int;
        CREATE TABLE parent (id int PRIMARY KEY, other int UNIQUE NOT NULL); INSERT INTO parent VALUES (1, 1);
        CREATE TABLE parent_of_text (id text PRIMARY KEY); INSERT INTO parent_of_text VALUES ('1');
        CREATE TABLE parent_of_varchar (id varchar(9) PRIMARY KEY); INSERT INTO parent_of_varchar VALUES ('1');
        CREATE TABLE parent_of_mood (id mood PRIMARY KEY); INSERT INTO parent_of_mood VALUES ('a');
        CREATE TABLE parent_of_time (id timestamptz PRIMARY KEY); INSERT INTO parent_of_time VALUES ('2024-01-01');
        CREATE TABLE parent_of_two (a int, b int, PRIMARY KEY (a, b)); INSERT INTO parent_of_two VALUES (1, 1);
        CREATE TABLE away."Parent" (id int PRIMARY KEY); INSERT INTO away."Parent" VALUES (1)"""
    )
    for name, key in {**PLAIN, **NOT_PLAIN}.items():
        more = "PARTITION BY RANGE (id)" if name == "parted" else ""
        db.execute(f"CREATE TABLE {name} (id int PRIMARY KEY, {key}) {more}".encode())
    db.execute(
        """CREATE TABLE parted_1 PARTITION OF parted DEFAULT;
        CREATE TABLE refers (id int PRIMARY KEY, p int REFERENCES referred_to ON DELETE SET NULL);
        ALTER TABLE refers ADD created_at timestamptz DEFAULT '2024-01-01';
        CREATE RULE r AS ON DELETE TO with_a_rule DO INSTEAD NOTHING;
        CREATE TRIGGER t BEFORE DELETE ON with_a_trigger EXECUTE FUNCTION suppress_redundant_updates_trigger();
        CREATE TABLE idle (id int PRIMARY KEY, p int REFERENCES with_an_idle_key);
        ALTER TABLE with_an_idle_key DISABLE TRIGGER ALL;
        ALTER TABLE published DROP CONSTRAINT published_pkey; CREATE PUBLICATION p FOR TABLE published, no_word"""
    )


def fill_keys(db: Connection) -> None:
    """An orphan, a row without a key and a good one into each child."""
    values = {
        "of_text": "'9'",
        "of_varchar": "'9'",
        "of_enum": "'b'",
        "of_time": "'2025-01-01'",
        "of_two": "9, 9",
        "not_to_be_null": "9",
    }
    db.execute("SET session_replication_role = replica")
    for name in (*PLAIN, *NOT_PLAIN, "refers", "idle"):
        db.execute(f"INSERT INTO {name} VALUES (1, {values.get(name, '9')})".encode())
        db.execute(f"INSERT INTO {name} (id) VALUES (2)".encode())
    db.execute("RESET session_replication_role")


@pytest.mark.parametrize("is_filled", [False, True], ids=["empty", "with orphans"])
def test_what_a_sift_of_many_relations_says_is_what_a_look_at_each_says(
    is_filled: bool, any_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(any_database, autocommit=True) as db:
        make_keys(db)
        if is_filled:
            fill_keys(db)
    told = settings(any_database, migrations=tmp_path / "none")
    plain: set[str] = set()
    sift = room._sift

    def watched(*args: Any) -> Any:
        found = sift(*args)
        plain.update(one.child[-1] for one in found)
        return found

    def said() -> list[Any]:
        with Backend(told, nobody) as backend:
            relations = room.known(backend, every=True)
            done = [
                one for closely in (True, False) for one in room.look(backend, relations, closely=closely)
            ]
        return [(one, one.seen, one.action, one.is_undecided) for one in done]

    monkeypatch.setattr(room, "_sift", watched)
    quick = said()
    monkeypatch.setattr(room, "_sift", lambda *_: {})
    assert quick == said()
    assert plain == {'Quoted "name' if "Quoted" in name else name for name in PLAIN} | {"refers", "idle"}
    assert [str(one.relation) for one, *_ in quick if (one.orphans > 0) != is_filled] == []


def test_among_many_relations_one_of_a_stale_collation_is_refused_though_it_is_empty(
    any_database: str, tmp_path: Path
) -> None:
    with psycopg.connect(any_database, autocommit=True) as db:
        db.execute(MANY)
        db.execute(
            """CREATE COLLATION site FROM "C";
            CREATE TABLE parent (id text COLLATE site PRIMARY KEY);
            CREATE TABLE child (id int PRIMARY KEY, p text COLLATE site REFERENCES parent ON DELETE CASCADE);
            UPDATE pg_collation SET collversion = '0.1' WHERE collname = 'site'"""
        )
    told = settings(any_database, migrations=tmp_path / "none")
    done = room.cleanup(told, nobody, every=True, dry_run=True).relations
    ((refused, (why,)),) = [(one.relation.child, one.refusals) for one in done if one.refusals]
    assert refused == ("child",)
    assert why.startswith("its key is sorted by the collation public.site, which had version 0.1")


def test_thousands_of_relations_are_put_in_order_at_once() -> None:
    """Each of them below the one before it, and two in a circle."""
    chain = [Cleaned(Relation.parse(f"t{n}.up -> t{n - 1}.id"), facts=Facts(parent_oid=n - 1, losing=[n]))
             for n in range(1, 5_000)]  # fmt: skip
    circle = [Cleaned(Relation.parse("a.b -> b.id"), facts=Facts(parent_oid=-1, losing=[-2])),
              Cleaned(Relation.parse("b.a -> a.id"), facts=Facts(parent_oid=-2, losing=[-1]))]  # fmt: skip
    began = time.monotonic()
    ordered = room.in_turn([*reversed(chain), *circle])
    assert time.monotonic() - began < 10
    assert len(ordered) == len(chain) + 2
    assert [one for one in ordered if one not in circle] == chain
