"""What the rehearsal sees of tables behind each statement: columns by number, constraints and indexes by oid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aftermath import write
from listeners import Heard
from yoyo.migrations import MigrationList

from sqlrail.files.folder import Migrations, read_files
from sqlrail.ground.settings import Settings
from sqlrail.scratch.built import built
from sqlrail.scratch.rehearsal import ByStatement, Rehearsal
from sqlrail.scratch.scene import Scene
from sqlrail.scratch.using import usings

SCHEMA = """
CREATE TYPE mood AS ENUM ('fine', 'sad');
CREATE DOMAIN positive AS int;
CREATE TABLE users (id int PRIMARY KEY, email text, n int, m text, p positive);
CREATE TABLE orders (id int PRIMARY KEY, user_id int, at date);
CREATE TABLE other (id int);
CREATE TABLE days (id int NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE day1 PARTITION OF days FOR VALUES FROM ('2020-01-01') TO ('2020-01-02');
CREATE TABLE rest PARTITION OF days DEFAULT;
CREATE TABLE base (id int);
CREATE TABLE child (more int) INHERITS (base);
"""


@contextmanager
def rehearsed(url: str, folder: Path, **texts: str) -> Iterator[Scene]:
    """The scene behind the rehearsal of files over SCHEMA."""
    write(folder, **{"001_schema": SCHEMA, **texts})
    migrations, files = read_files(folder)
    first, *rest = migrations
    settings = Settings(database_url=url, migrations=folder, environment="test")
    by_statement = {id_: ByStatement(**vars(file)) for id_, file in files.items()}
    with built(settings, Heard(), {**by_statement}, MigrationList([first])) as made:
        scene = Scene(made, {})
        Rehearsal(scene).rehearse(Migrations(rest))
        yield scene


def changes(scene: Scene, file: str = "002_x") -> list[dict[str, Any]]:
    """By the names at the start, what looks otherwise behind each statement of a file: a shape, or None."""
    first = scene.snapshots.first
    return [{first[oid].name: shape for oid, shape in seen.shapes.items()} for seen in scene.seen[file]]


def test_a_statement_changes_the_tables_that_it_names_and_no_others(
    any_database: str, tmp_path: Path
) -> None:
    text = """
        ALTER TABLE users ALTER COLUMN email SET NOT NULL;
        ALTER TABLE users RENAME COLUMN email TO mail;
        CREATE UNIQUE INDEX users_mail ON users (lower(mail)) WHERE n > 1;
        ALTER TABLE users RENAME TO people;
        ALTER TABLE people DROP COLUMN m;
        ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES people NOT VALID;
        ALTER TABLE orders VALIDATE CONSTRAINT orders_user_id_fkey;
        INSERT INTO other VALUES (1);
        DROP TABLE other;
    """
    with rehearsed(any_database, tmp_path, **{"002_x": text}) as scene:
        set_, renamed, indexed, moved, dropped, keyed, valid, inserted, gone = changes(scene)
    assert set_["users"].columns[2].not_null
    assert renamed["users"].columns[2].name == "mail"
    (index,) = (it for it in indexed["users"].indexes.values() if it.name == "users_mail")
    assert (index.unique, index.keys, index.predicate) == (True, ("lower(mail)",), "(n > 1)")
    assert moved["users"].name == "people"
    assert 4 not in dropped["users"].columns
    ((before,), (after,)) = (
        [it for it in one.constraints.values() if it.kind == "f"]
        for one in (keyed["orders"], valid["orders"])
    )
    assert (before.oid, before.validated, after.validated, after.operators) == (
        after.oid, False, True, ("OPERATOR(pg_catalog.=)",),
    )  # fmt: skip
    assert inserted == {}
    assert gone == {"other": None}


def test_what_is_far_from_the_text_is_seen_too(any_database: str, tmp_path: Path) -> None:
    text = """
        ALTER DOMAIN positive ADD CONSTRAINT above CHECK (VALUE > 0);
        ALTER TABLE days ADD CONSTRAINT late CHECK (id > 1);
        CREATE TABLE day2 PARTITION OF days FOR VALUES FROM ('2020-01-02') TO ('2020-01-03');
        ALTER TABLE base ADD CHECK (id > 2);
        DO $$ BEGIN ALTER TABLE orders ADD more int; END $$;
        SAVEPOINT here;
        ALTER TABLE orders DROP COLUMN more;
        ROLLBACK TO here;
    """
    with rehearsed(any_database, tmp_path, **{"002_x": text}) as scene:
        domain, late, day2, base, block, _, dropped, back = changes(scene)
    assert [it.name for it in domain["users"].columns[5].domains] == ["above"]
    assert set(late) == {"days", "day1", "rest"}
    assert "2020-01-03" in day2["rest"].bound
    assert set(base) == {"base", "child"}
    assert 4 in block["orders"].columns
    assert 4 not in dropped["orders"].columns
    assert 4 in back["orders"].columns


def test_a_look_leaves_the_transaction_as_it_was(any_database: str, tmp_path: Path) -> None:
    """Where names lead, what a savepoint holds, and the locks: else the next statements would say so."""
    text = """
        CREATE SCHEMA s;
        SET LOCAL search_path = s, public;
        ALTER TABLE users ADD a int;
        CREATE TABLE here (id int);
        SAVEPOINT one;
        ALTER TABLE users ADD b int;
        RELEASE one;
        ALTER TABLE s.here ADD b int;
        SELECT a, b FROM users;
    """
    outside = """-- transactional: false
        SET search_path = s, public;
        ALTER TABLE here ADD c int;
        ALTER TABLE users ADD c int;
    """
    with rehearsed(any_database, tmp_path, **{"002_x": text, "003_y": outside}) as scene:
        assert [set(it) for it in changes(scene, "003_y")] == [set(), set(), {"users"}]


def test_the_expression_behind_using_is_seen_as_it_is_meant(any_database: str, tmp_path: Path) -> None:
    text = """
        SET LOCAL search_path = public;
        ALTER TABLE users ALTER COLUMN m TYPE mood USING (CASE WHEN n > 1 THEN 'sad' ELSE m END)::mood,
            ALTER n TYPE bigint;
        ALTER TABLE users ALTER n SET DATA TYPE text USING coalesce(users.n, 0 /* , ) */)::text || $$,)$$;
    """
    with rehearsed(any_database, tmp_path, **{"002_x": text}) as scene:
        _, mood, text_ = scene.seen["002_x"]
    assert "public.mood" in mood.using["m"].expression
    assert [(it.name, it.kind, it.extension) for it in mood.using["m"].leans] == [("public.mood", "e", False)]
    assert [it.state for it in mood.using["m"].leans] == [
        scene.snapshots.states[str(mood.using["m"].leans[0].oid)]
    ]
    assert set(mood.using) == {"m"}
    # Some majors name the table as well, by the name that it has there.
    assert re.search(r"COALESCE\((users\.)?n, ", text_.using["n"].expression)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ALTER TABLE a ALTER b TYPE int", ("a", {})),
        ("ALTER TABLE a ADD c int", ("a", {})),
        ("UPDATE a SET b = 1", ("", {})),
        (
            'ALTER TABLE IF EXISTS ONLY "A b".c alter column "d" set data type int using d::int;',
            ('"A b".c', {"d": "d::int"}),
        ),
        (
            "ALTER TABLE a -- using, (\n ALTER B TYPE int USING f(b, 'x,y'), DROP c",
            ("a", {"b": "f(b, 'x,y')"}),
        ),
        (
            "ALTER TABLE a ALTER b TYPE numeric(3, 1) USING b, ALTER c TYPE t USING c[1, 2]",
            ("a", {"b": "b", "c": "c[1, 2]"}),
        ),
    ],
)
def test_usings(text: str, found: tuple[str, dict[str, str]]) -> None:
    assert usings(text) == found
