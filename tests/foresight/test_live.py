"""Pending files meet what the live database has or lacks, whatever the applied files build."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aftermath import attempt, write
from conftest import query
from console import Sqlrail, sqlrail
from listeners import Heard

from sqlrail.ground.settings import Settings
from sqlrail.verbs.plan import plan as made
from sqlrail.verbs.planned import Plan, PlannedFile

__all__ = ["sqlrail"]  # the fixture

SHOP = """
CREATE TABLE users (id int PRIMARY KEY, n int, email varchar(20));
CREATE TABLE lone (id int);
CREATE TYPE mood AS ENUM ('fine');
CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
"""
ROWS = "INSERT INTO users SELECT n, n FROM generate_series(1, 1000) AS n; ANALYZE users;"
#: what somebody made by hand
BY_HAND = """
CREATE TABLE a (id int, legacy text);
INSERT INTO a SELECT n FROM generate_series(1, 1000) AS n;
CREATE INDEX a_id ON a (id);
CREATE SCHEMA side;
CREATE TABLE side.b (id int);
CREATE TYPE state AS ENUM ('on');
CREATE FUNCTION g(int) RETURNS int LANGUAGE sql AS 'SELECT 2';
CREATE VIEW busy AS SELECT n FROM users;
ALTER TABLE users ADD CONSTRAINT users_positive CHECK (n > 0);
CREATE TABLE orders (user_id int REFERENCES users);
ANALYZE a;
"""

Shop = Callable[..., Plan]


@pytest.fixture
def shop(database: str, tmp_path: Path) -> Shop:
    """Applies the first file, does by hand what it is told, and plans the others."""

    def call(by_hand: str, **files: str) -> Plan:
        folder = write(tmp_path / "files", **{"001_shop": SHOP})
        assert attempt(database, Heard(), folder) is None
        query(database, ROWS)
        query(database, by_hand)
        write(folder, **files)
        return made(Settings(database_url=database, migrations=folder), Heard())

    return call


def verdicts(file: PlannedFile) -> str:
    return " ".join(one.verdict for one in file.statements)


def test_a_table_that_only_the_live_database_has_is_judged_with_its_rows(shop: Shop) -> None:
    text = (
        "CREATE TABLE IF NOT EXISTS a (id bigint, email text); CREATE INDEX ON a (id);"
        "ALTER TABLE a ALTER id TYPE bigint"
    )
    (file,) = shop(BY_HAND, **{"002_x": text}).files
    assert (file.verdict, verdicts(file)) == ("rewrites", "instant blocks rewrites")
    assert [(one.relation, one.rows) for one in file.statements[2].touched if one.kind == "table"] == [
        ("public.a", 1000)
    ]
    assert file.statements[0].notices == (
        'relation "a" already exists, skipping',
        "is there already, with other columns: id is integer, not bigint, without email, legacy besides",
    )


def test_the_same_columns_are_not_told_and_the_file_goes_on_as_if_nobody_had_looked(shop: Shop) -> None:
    text = """
    CREATE TEMP TABLE mine (id int);
    CREATE TABLE IF NOT EXISTS a (id int CONSTRAINT a_id_key UNIQUE, legacy text);
    INSERT INTO mine VALUES (1);
    CREATE TABLE IF NOT EXISTS side.b AS SELECT n AS id FROM users;
    CREATE SCHEMA IF NOT EXISTS side;
    ALTER TABLE a ADD COLUMN IF NOT EXISTS legacy int;
    CREATE INDEX IF NOT EXISTS a_id ON a (id);
    """
    (file,) = shop(BY_HAND, **{"002_x": text}).files
    assert file.verdict == "instant"
    assert [one.notices for one in file.statements] == [
        (),
        ('relation "a" already exists, skipping',),
        (),
        ('relation "b" already exists, skipping',),
        ('schema "side" already exists, skipping',),
        ('column "legacy" of relation "a" already exists, skipping',),
        ('relation "a_id" already exists, skipping',),
    ]


def test_what_statements_of_ours_are_told_is_none_of_the_file_s(shop: Shop) -> None:
    text = """-- cleanup: users.n not null delete
    -- cleanup: a.id not null delete
    CREATE TABLE IF NOT EXISTS a (id int, legacy text);
    """
    (file,) = shop(BY_HAND, **{"002_x": text}).files
    assert [one.notices for one in file.statements] == [(), (), ('relation "a" already exists, skipping',)]


#: a statement, and what the live database says of it
FAILING = [
    ("CREATE TABLE a (id int)", 'relation "a" already exists.'),
    ("CREATE VIEW busy AS SELECT 1", 'relation "busy" already exists.'),
    ("CREATE INDEX a_id ON users (n)", 'relation "a_id" already exists.'),
    ("CREATE SCHEMA side", 'schema "side" already exists.'),
    ("CREATE TYPE state AS (a int)", 'type "state" already exists.'),
    (
        "CREATE FUNCTION g(int) RETURNS int LANGUAGE sql AS 'SELECT 3'",
        'function "g" already exists with same argument types.',
    ),
    (
        "ALTER TABLE users ADD CONSTRAINT users_positive CHECK (n > 1)",
        'constraint "users_positive" for relation "users" already exists.',
    ),
    (
        "ALTER TABLE users ALTER n TYPE bigint",
        "cannot alter type of a column used by a view or rule. rule _RETURN on view busy depends on column",
    ),
    ("ALTER TABLE users DROP n", "cannot drop column n of table users because other objects depend on it."),
    ("DROP TABLE users", "cannot drop table users because other objects depend on it."),
    ("ALTER TABLE lone ADD a int", 'relation "lone" does not exist.'),
]


@pytest.mark.parametrize(("statement", "sentence"), FAILING, ids=[statement for statement, _ in FAILING])
def test_what_the_live_database_does_not_let_pass_fails_and_the_rest_is_judged_up_to_there(
    database: str, tmp_path: Path, statement: str, sentence: str
) -> None:
    folder = write(tmp_path / "files", **{"001_shop": SHOP})
    assert attempt(database, Heard(), folder) is None
    query(database, f"{ROWS}{BY_HAND}DROP TABLE lone")
    write(
        folder,
        **{
            "002_before": "CREATE INDEX ON a (legacy)",
            "003_x": f"CREATE INDEX ON users (id, n);\n  {statement};\nSELECT 1",
            "004_behind": "SELECT 2",
        },
    )
    before, file, behind = made(Settings(database_url=database, migrations=folder), Heard()).files
    assert (before.verdict, file.verdict, behind.verdict) == ("blocks", "fails", "unknown")
    assert verdicts(file) == "blocks fails unknown"
    assert (file.statements[1].fails or "").startswith(sentence)
    notes = [file.statements[2].note, behind.statements[0].note]
    assert notes == ["not judged: 003_x.sql:2:3, ahead of it, fails"] * 2


def test_what_is_ahead_of_a_file_that_fails_is_tried_and_what_is_behind_it_is_said_to_be(shop: Shop) -> None:
    found = shop(
        BY_HAND,
        **{
            "002_before": "UPDATE a SET legacy = id; ALTER TABLE a ADD UNIQUE (legacy)",
            "003_fails": "CREATE TABLE a ()",
            "004_behind": "SELECT 2",
        },
    )
    assert [one.outcome for one in found.files[0].statements] == ["passes", "passes"]
    assert found.trial.not_tried == {
        "004_behind": "it is behind 003_fails.sql:1:1, which fails: mend that first, then plan again"
    }


def test_what_cascade_takes_along_is_told(shop: Shop) -> None:
    text = "DROP TABLE users CASCADE; ALTER TABLE a DROP id CASCADE; DROP TABLE IF EXISTS nobody CASCADE"
    (file,) = shop(BY_HAND, **{"002_x": text}).files
    first, *others = [one.notices for one in file.statements]
    assert set("; ".join(first).split("; ")) == {
        "drop cascades to 2 other objects",
        "drop cascades to view busy",
        "drop cascades to constraint orders_user_id_fkey on table orders",
    }
    assert others == [(), ()]


def test_a_file_that_fails_by_itself_fails_as_before(shop: Shop) -> None:
    with pytest.raises(Exception, match=r"002_x.sql:1:1: .*\"nobody\" does not exist"):
        shop(BY_HAND, **{"002_x": "DROP TABLE nobody"})


def test_what_cannot_be_made_is_told_and_keeps_nothing_else_away(shop: Shop) -> None:
    foreign = """
    CREATE FOREIGN DATA WRAPPER far; CREATE SERVER away FOREIGN DATA WRAPPER far;
    CREATE FOREIGN TABLE distant (id int) SERVER away; CREATE VIEW distantly AS SELECT id FROM distant;
    """
    found = shop(foreign + BY_HAND, **{"002_x": "CREATE INDEX ON a (legacy)"})
    assert found.files[0].verdict == "blocks"
    (note,) = found.notes
    assert note == (
        "the live database differs from what the applied files build (`drift` shows how), and in 2 places the "
        'rehearsal could not follow it: server "away" does not exist; relation "public.distant" does not exist'
    )


def test_where_it_cannot_be_made_what_touches_no_live_table_is_tried_all_the_same(shop: Shop) -> None:
    foreign = """
    CREATE FOREIGN DATA WRAPPER far; CREATE SERVER away FOREIGN DATA WRAPPER far;
    CREATE FOREIGN TABLE distant (id int) SERVER away;
    """
    found = shop(foreign + BY_HAND, **{"002_x": "CREATE TABLE fresh (id int); INSERT INTO fresh VALUES (1)"})
    assert found.trial.not_tried == {}
    assert [*found.trial.tried] == ["002_x"]


def test_half_done_outside_a_transaction_is_rehearsed_on_what_the_files_build(
    database: str, tmp_path: Path
) -> None:
    folder = write(tmp_path / "files", **{"001_shop": SHOP})
    assert attempt(database, Heard(), folder) is None
    text = "-- transactional: false\nCREATE TABLE half (id int);\nSELECT 1 / count(*) FROM half"
    write(folder, **{"002_x": text})
    assert attempt(database, Heard(), folder) is not None
    write(folder, **{"002_x": text.replace("1 / count(*)", "1")})
    (file,) = made(Settings(database_url=database, migrations=folder), Heard()).files
    assert [one.note for one in file.statements] == ["done already", None]


# Empty


@pytest.mark.parametrize(
    ("text", "by_hand", "is_empty"),
    [
        ("ALTER TABLE users ADD a int", "", False),
        ("ALTER TABLE users ADD a int", "TRUNCATE users", True),
        ("ALTER TABLE lone ADD a int", "", True),
        ("ALTER TABLE lone ADD a int; CREATE INDEX ON users (n)", "", False),
        ("CREATE TABLE new (id int)", "", False),
        ("CREATE TABLE new (id int)", "TRUNCATE users", True),
    ],
)
def test_it_says_where_no_row_is_touched(
    database: str, tmp_path: Path, text: str, by_hand: str, is_empty: bool
) -> None:
    folder = write(tmp_path / "files", **{"001_shop": SHOP})
    assert attempt(database, Heard(), folder) is None
    query(database, ROWS)
    query(database, by_hand or "SELECT 1")
    write(folder, **{"002_x": text})
    assert made(Settings(database_url=database, migrations=folder), Heard()).is_empty is is_empty


def test_people_read_it(sqlrail: Sqlrail, database: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "files", **{"001_shop": SHOP})
    assert attempt(database, Heard(), folder) is None
    write(folder, **{"002_x": "ALTER TABLE users ADD a int"})
    env: dict[str, Any] = {"DATABASE_URL": database, "APP_ENV": "development"}
    said = "the database has no rows in what these files touch: this plan says nothing of production"
    assert f"note: {said}'s rows" in sqlrail("plan", "--migrations", str(folder), env=env).out
    found = sqlrail("plan", "--migrations", str(folder), "--format", "markdown", env=env)
    assert f"- <code>{said.replace(':', '&#58;')}'s rows</code>" in found.out
    query(database, 'CREATE TABLE "a|<b>" (id int)')
    write(folder, **{"002_x": 'CREATE TABLE "a|<b>" (id int)'})
    found = sqlrail("plan", "--check", "--migrations", str(folder), env=env)
    assert found.code == 4
    assert '  1:1 fails on this database: relation "a|<b>" already exists.' in found.out
    found = sqlrail("plan", "--check", "--migrations", str(folder), "--format", "markdown", env=env)
    assert (
        "- <code>1&#58;1 fails on this database&#58; relation &#34;a&#124;&#60;b&#62;&#34; already exists.</code>"
        in found.out
    )
