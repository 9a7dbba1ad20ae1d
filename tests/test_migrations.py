"""The shipped files, by psycopg alone and by plain yoyo: on an empty database, and over what an ORM made."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import ROOT, Connect, clean_environment
from psycopg import sql

FIXTURES = Path(__file__).resolve().parent
MIGRATIONS = ROOT / "migrations"
UP = sorted(path for path in MIGRATIONS.glob("*.sql") if not path.stem.endswith(".rollback"))
DOWN = [path.with_suffix(".rollback.sql") for path in reversed(UP)]
CATALOG = (FIXTURES / "catalog.txt").read_text().splitlines()
ORPHAN = "c11ed8a9-ba3a-4c97-917e-0600e4985488"
TABLES = sorted({line.split(":")[0] for line in CATALOG})

Connection = psycopg.Connection[Any]


@pytest.fixture
def connection(any_database: str, connect: Connect) -> Connection:
    return connect(any_database)


def send(connection: Connection, *files: Path) -> None:
    """Each file as one message in one transaction, as the runner sends it."""
    for file in files:
        with connection.transaction():
            connection.execute(file.read_bytes())


def catalog(connection: Connection) -> list[str]:
    return sorted(line for (line,) in connection.execute((FIXTURES / "catalog.sql").read_bytes()))


def rows(connection: Connection) -> dict[str, list[Any]]:
    """Every row with its place and the transaction that wrote it, which no UPDATE or rewrite leaves alone."""
    read = sql.SQL("SELECT ctid, xmin, {0}::text FROM {0} ORDER BY id")
    return {table: connection.execute(read.format(sql.Identifier(table))).fetchall() for table in TABLES}


def made(connection: Connection) -> list[Any]:
    """The oids of all keys and indexes: what is dropped and made again has another one."""
    return connection.execute(
        "SELECT oid FROM pg_constraint UNION ALL SELECT indexrelid FROM pg_index ORDER BY 1"
    ).fetchall()


def remove_the_orphan(connection: Connection) -> None:
    assert connection.execute("DELETE FROM usage_analytics WHERE user_id = %s", [ORPHAN]).rowcount == 1


def refused(connection: Connection, file: Path) -> psycopg.errors.Diagnostic:
    """What a guard says, when it has left everything as it was."""
    before = catalog(connection)
    with pytest.raises(psycopg.Error) as caught:
        send(connection, file)
    assert caught.value.sqlstate == "SR001"
    assert catalog(connection) == before
    return caught.value.diag


def yoyo(url: str, verb: str, *flags: str) -> subprocess.CompletedProcess[str]:
    uri = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)
    options = [*flags, "--batch", "--no-config-file", "--database", uri, str(MIGRATIONS)]
    return subprocess.run(
        [sys.executable, "-m", "yoyo", verb, *options],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(),
    )


def test_every_file_has_a_way_back_and_opens_with_why() -> None:
    assert [path.name for path in UP] == [
        "001_users.sql",
        "002_analytics.sql",
        "003_onboarding.sql",
        "004_usage_analytics.sql",
    ]
    for path in (*UP, *DOWN):
        assert re.match(r"-- (?!depends|cleanup)\w", path.read_text())


def test_the_files_can_be_sent_to_a_database_of_any_encoding() -> None:
    assert all(path.read_bytes().isascii() for path in (*UP, *DOWN))


def test_every_file_depends_on_the_one_before() -> None:
    depends = [re.findall("^-- depends: (.*)$", path.read_text(), re.MULTILINE) for path in UP]
    assert depends == [[], *([path.stem] for path in UP[:-1])]


def test_every_file_asks_for_the_cleanup_of_the_keys_that_it_makes() -> None:
    for path in UP:
        text = path.read_text()
        children = re.findall(
            r"^CREATE TABLE IF NOT EXISTS (\w+) \([^;]*REFERENCES users", text, re.MULTILINE
        )
        asked = re.findall(r"^-- cleanup: (.*)$", text, re.MULTILINE)
        assert asked == [f"{child}.user_id -> users.id" for child in children]


def test_an_empty_database_gets_exactly_the_expected_catalog(connection: Connection) -> None:
    send(connection, *UP)
    assert catalog(connection) == sorted(CATALOG)


def test_nothing_stays_behind_beside_the_tables(connection: Connection) -> None:
    send(connection, *UP)
    (left,) = connection.execute(
        "SELECT count(*) FROM pg_proc WHERE pronamespace IN ('public'::regnamespace, pg_my_temp_schema())"
    )
    assert left == (0,)


def test_usage_analytics_has_eight_columns_and_four_indexes(connection: Connection) -> None:
    send(connection, *UP)
    lines = [line for line in catalog(connection) if line.startswith("usage_analytics: ")]
    assert sum("CONSTRAINT" not in line and "INDEX" not in line for line in lines) == 8
    assert sum("INDEX" in line for line in lines) == 4


def test_a_row_needs_nothing_but_what_has_no_default(connection: Connection) -> None:
    send(connection, *UP)
    (row,) = connection.execute(
        "INSERT INTO users (email, password_hash) VALUES ('ada@example.org', 'x')"
        " RETURNING id IS NOT NULL, is_verified, created_at = now(), updated_at = now()"
    )
    assert row == (True, False, True, True)


def test_what_belongs_to_a_user_goes_with_the_user(connection: Connection) -> None:
    send(connection, FIXTURES / "orm.sql")
    remove_the_orphan(connection)
    send(connection, *UP)
    connection.execute("DELETE FROM users")
    assert rows(connection) == {table: [] for table in TABLES}


def test_the_tables_of_an_orm_are_taken_over_with_their_rows_untouched(connection: Connection) -> None:
    send(connection, FIXTURES / "orm.sql")
    remove_the_orphan(connection)
    before = rows(connection)
    assert all(before.values())
    send(connection, *UP)
    assert rows(connection) == before
    # The ORM's second copy of a unique constraint is left for the doctor to name.
    assert catalog(connection) == sorted([*CATALOG, "users: CONSTRAINT users_email_key1 UNIQUE (email)"])


@pytest.mark.parametrize("table", TABLES)
def test_a_table_that_the_orm_had_not_made_is_made(connection: Connection, table: str) -> None:
    send(connection, FIXTURES / "orm.sql")
    remove_the_orphan(connection)
    if table == "users":
        # Without users there is nothing that could belong to one.
        connection.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(map(sql.Identifier, TABLES))))
    connection.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier(table)))
    send(connection, *UP)
    assert set(CATALOG) - set(catalog(connection)) == set()


def test_an_orphan_stops_the_key_with_the_error_of_the_story(connection: Connection) -> None:
    send(connection, FIXTURES / "orm.sql")
    send(connection, *UP[:3])
    before = catalog(connection), rows(connection)
    with pytest.raises(psycopg.errors.ForeignKeyViolation) as caught:
        send(connection, UP[3])
    diag = caught.value.diag
    assert (diag.table_name, diag.constraint_name) == ("usage_analytics", "usage_analytics_user_id_fkey")
    assert diag.message_detail == f'Key (user_id)=({ORPHAN}) is not present in table "users".'
    assert (catalog(connection), rows(connection)) == before


def test_the_older_shape_is_refused_with_what_it_has_and_needs_and_a_way_out(connection: Connection) -> None:
    send(connection, *UP[:3], FIXTURES / "orm_older.sql")
    said = refused(connection, UP[3])
    assert said.message_primary == (
        "usage_analytics has the columns (id uuid, user_id uuid, feature_name character varying(100),"
        " action character varying(100), metadata jsonb, created_at timestamp with time zone),"
        " and this migration needs (id uuid, user_id uuid, event_type character varying(100),"
        " event_data jsonb, session_id character varying(255), ip_address inet, user_agent text,"
        " created_at timestamp with time zone)"
    )
    assert said.message_hint is not None
    assert "ALTER TABLE usage_analytics RENAME COLUMN feature_name TO event_type;" in said.message_hint
    assert "ALTER TABLE usage_analytics RENAME TO usage_analytics_old;" in said.message_hint


def test_the_older_shape_can_be_renamed_into_the_new_one(connection: Connection) -> None:
    send(connection, *UP[:3], FIXTURES / "orm_older.sql")
    hint = refused(connection, UP[3]).message_hint or ""
    for rename in re.findall(r"ALTER TABLE usage_analytics RENAME COLUMN \w+ TO \w+;", hint):
        connection.execute(rename)
    connection.execute(
        "ALTER TABLE usage_analytics ADD COLUMN session_id varchar(255), ADD COLUMN ip_address inet,"
        " ADD COLUMN user_agent text"
    )
    send(connection, UP[3])
    assert catalog(connection) == sorted(
        [*CATALOG, "usage_analytics: action character varying(100) NOT NULL"]
    )
    assert connection.execute("SELECT event_type, event_data FROM usage_analytics").fetchall() == [
        ("export", {"format": "csv"})
    ]


def test_the_older_shape_can_be_put_aside(connection: Connection) -> None:
    send(connection, *UP[:3], FIXTURES / "orm_older.sql")
    hint = refused(connection, UP[3]).message_hint or ""
    (aside,) = re.findall(r"ALTER TABLE usage_analytics RENAME TO \w+;", hint)
    connection.execute(aside)
    send(connection, UP[3])
    kept = [line for line in catalog(connection) if not line.startswith("usage_analytics_old: ")]
    # The name of the primary key's index is still with the old table.
    assert [line.replace("_pkey1 ", "_pkey ") for line in kept] == sorted(CATALOG)
    assert connection.execute("SELECT count(*) FROM usage_analytics_old").fetchone() == (1,)


@pytest.mark.parametrize(
    ("number", "change", "table"),
    [
        pytest.param(1, "ALTER TABLE users DROP COLUMN google_id", "users", id="no such column"),
        pytest.param(1, "ALTER TABLE users ALTER refresh_token TYPE bytea USING ''", "users", id="a type"),
        pytest.param(1, "ALTER TABLE users ALTER first_name TYPE varchar(80)", "users", id="a length"),
        pytest.param(1, "ALTER TABLE sessions ALTER token_hash TYPE text", "sessions", id="in sessions"),
        pytest.param(
            2, "ALTER TABLE user_behaviors RENAME behavior_data TO data", "user_behaviors", id="in 002"
        ),
        pytest.param(
            3, "ALTER TABLE onboarding_steps RENAME step_name TO step", "onboarding_steps", id="in 003"
        ),
        *(
            pytest.param(
                number,
                f"DROP TABLE {', '.join(TABLES)}; CREATE TABLE users (id integer PRIMARY KEY)",
                "users",
                id=f"users.id is an integer, in 00{number}",
            )
            for number in (1, 2, 3, 4)
        ),
    ],
)
def test_another_shape_stops_the_file_that_needs_it(
    connection: Connection, number: int, change: str, table: str
) -> None:
    send(connection, FIXTURES / "orm.sql")
    remove_the_orphan(connection)
    connection.execute(change.encode())
    said = refused(connection, UP[number - 1]).message_primary or ""
    assert said.startswith(f"{table} has the columns (")


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(["usage_analytics_user_id_fkey {} ON DELETE SET NULL"], id="another action"),
        pytest.param(
            ["usage_analytics_user_id_fkey {} ON UPDATE CASCADE ON DELETE CASCADE"], id="an action more"
        ),
        pytest.param(["usage_analytics_user_id_fkey {} ON DELETE CASCADE NOT VALID"], id="not validated"),
        pytest.param(["usage_analytics_user_id_fkey {} ON DELETE CASCADE DEFERRABLE"], id="deferrable"),
        pytest.param(['"usage_analytics_userId_fk" {} ON DELETE CASCADE'], id="another name"),
        pytest.param(['"usage_analytics_userId_fk" {} NOT VALID'], id="another name, action and state"),
        pytest.param(
            ["usage_analytics_user_id_fkey {}", "usage_analytics_user_id_fkey1 {} ON DELETE CASCADE"],
            id="the right name on the wrong key",
        ),
        pytest.param(
            [
                "usage_analytics_user_id_fkey {} ON DELETE CASCADE",
                "a {} ON DELETE CASCADE",
                "b {} ON DELETE CASCADE",
            ],
            id="three of them",
        ),
    ],
)
def test_whatever_keys_there_are_one_right_key_is_left(connection: Connection, keys: list[str]) -> None:
    send(connection, FIXTURES / "orm.sql")
    remove_the_orphan(connection)
    for key in keys:
        key = key.format("FOREIGN KEY (user_id) REFERENCES users (id)")
        connection.execute(f"ALTER TABLE usage_analytics ADD CONSTRAINT {key}".encode())
    before = rows(connection)
    send(connection, *UP)
    assert [line for line in catalog(connection) if "usage_analytics: CONSTRAINT" in line] == [
        line for line in CATALOG if "usage_analytics: CONSTRAINT" in line
    ]
    assert rows(connection) == before


def test_of_several_right_keys_the_one_with_the_right_name_is_kept(connection: Connection) -> None:
    send(connection, *UP)
    (kept,) = connection.execute("SELECT oid FROM pg_constraint WHERE conname = 'sessions_user_id_fkey'")
    for name in ("a", "z"):
        connection.execute(
            f"ALTER TABLE sessions ADD CONSTRAINT {name} FOREIGN KEY (user_id)"
            " REFERENCES users (id) ON DELETE CASCADE".encode()
        )
    send(connection, UP[0])
    keys = "SELECT oid FROM pg_constraint WHERE conrelid = 'sessions'::regclass AND contype = 'f'"
    assert connection.execute(keys).fetchall() == [kept]


def test_users_can_be_read_while_the_missing_key_is_added(connection: Connection) -> None:
    send(connection, FIXTURES / "orm.sql", *UP[:3])
    remove_the_orphan(connection)
    with connection.transaction():
        send(connection, UP[3])
        modes = connection.execute(
            "SELECT mode FROM pg_locks WHERE relation = 'users'::regclass AND pid = pg_backend_pid()"
        ).fetchall()
    assert ("ShareRowExclusiveLock",) in modes
    assert ("AccessExclusiveLock",) not in modes


def test_a_key_to_another_table_is_left_alone(connection: Connection) -> None:
    send(connection, FIXTURES / "orm.sql")
    remove_the_orphan(connection)
    connection.execute("CREATE TABLE people (id uuid PRIMARY KEY)")
    connection.execute("INSERT INTO people SELECT id FROM users")
    connection.execute(
        "ALTER TABLE usage_analytics ADD CONSTRAINT p FOREIGN KEY (user_id) REFERENCES people (id)"
    )
    send(connection, *UP)
    assert "usage_analytics: CONSTRAINT p FOREIGN KEY (user_id) REFERENCES people(id)" in catalog(connection)


@pytest.mark.parametrize(
    ("index", "counts"),
    [
        pytest.param("my_own ON usage_analytics (event_type)", True, id="another name"),
        pytest.param("my_own ON usage_analytics (event_type DESC)", True, id="backwards"),
        pytest.param("my_own ON usage_analytics (event_type) INCLUDE (user_id)", True, id="a column inside"),
        pytest.param("my_own ON usage_analytics (event_type, user_id)", False, id="two columns"),
        pytest.param("my_own ON usage_analytics (event_type) WHERE event_type > ''", False, id="some rows"),
        pytest.param("my_own ON usage_analytics (lower(event_type))", False, id="an expression"),
        pytest.param("usage_analytics_event_type_idx ON users (last_name)", False, id="another table"),
    ],
)
def test_an_index_on_the_same_column_counts_whatever_its_name(
    connection: Connection, index: str, *, counts: bool
) -> None:
    send(connection, FIXTURES / "orm.sql")
    remove_the_orphan(connection)
    connection.execute(f"CREATE INDEX {index}".encode())
    send(connection, *UP)
    (ours,) = connection.execute(
        "SELECT count(*) FROM pg_indexes"
        " WHERE tablename = 'usage_analytics' AND starts_with(indexname, 'usage_analytics_event_type_idx')"
    )
    assert ours == (0 if counts else 1,)


def test_an_invalid_index_does_not_count(connection: Connection) -> None:
    send(connection, *UP)
    # What CREATE INDEX CONCURRENTLY leaves when it fails.
    connection.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indrelid = 'sessions'::regclass AND NOT indisunique"
    )
    send(connection, *UP)
    assert catalog(connection).count("sessions: INDEX btree (user_id)") == 2


def test_a_unique_constraint_that_the_orm_lost_is_made(connection: Connection) -> None:
    send(connection, FIXTURES / "orm.sql")
    connection.execute("ALTER TABLE users DROP CONSTRAINT users_email_key, DROP CONSTRAINT users_email_key1")
    send(connection, UP[0])
    assert "users: CONSTRAINT users_email_key UNIQUE (email)" in catalog(connection)


def test_a_file_that_runs_again_changes_nothing(connection: Connection) -> None:
    send(connection, *UP)
    before = catalog(connection), made(connection)
    send(connection, *UP)
    assert (catalog(connection), made(connection)) == before


def test_up_and_down_and_up_again_gives_the_same_schema(connection: Connection) -> None:
    send(connection, *UP)
    for up, down in zip(reversed(UP), DOWN, strict=True):
        before = catalog(connection)
        send(connection, down)
        assert catalog(connection) != before
        send(connection, up)
        assert catalog(connection) == before
        send(connection, down)
    assert catalog(connection) == []
    send(connection, *UP)
    assert catalog(connection) == sorted(CATALOG)


@pytest.mark.parametrize("schema", ["app", "Ten ant's"])
@pytest.mark.parametrize("start", ["empty", "orm"])
def test_the_files_follow_search_path(connection: Connection, schema: str, start: str) -> None:
    move = sql.SQL("CREATE SCHEMA {0}; SET search_path = {0}, public")
    connection.execute(move.format(sql.Identifier(schema)))
    if start == "orm":
        send(connection, FIXTURES / "orm.sql")
        remove_the_orphan(connection)
    send(connection, *UP)
    assert set(CATALOG) - set(catalog(connection)) == set()
    connection.execute("SET search_path = public")
    assert catalog(connection) == []


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_new_tables_never_hide_those_further_along_search_path(connection: Connection, number: int) -> None:
    send(connection, FIXTURES / "orm.sql")
    connection.execute("CREATE SCHEMA app; SET search_path = app, public")
    assert refused(connection, UP[number - 1]).message_primary == (
        "users exists, but not in app, where this migration would make it"
    )
    assert catalog(connection) == []


def test_a_temporary_table_is_not_taken_for_the_real_one(connection: Connection) -> None:
    send(connection, *UP)
    connection.execute("CREATE TEMP TABLE users (LIKE users)")
    assert "users exists, but not in public" in (refused(connection, UP[3]).message_primary or "")


def test_plain_yoyo_applies_the_files_and_takes_them_back(any_database: str, connection: Connection) -> None:
    done = yoyo(any_database, "apply")
    assert done.returncode == 0, done.stderr
    assert catalog(connection) == sorted(CATALOG)
    recorded = connection.execute("SELECT migration_id FROM _yoyo_migration ORDER BY 1").fetchall()
    assert recorded == [(path.stem,) for path in UP]
    done = yoyo(any_database, "rollback", "--all")
    assert done.returncode == 0, done.stderr
    assert catalog(connection) == []


def test_plain_yoyo_takes_over_the_tables_of_an_orm(any_database: str, connection: Connection) -> None:
    send(connection, FIXTURES / "orm.sql")
    remove_the_orphan(connection)
    before = rows(connection)
    done = yoyo(any_database, "apply")
    assert done.returncode == 0, done.stderr
    assert rows(connection) == before
    assert set(CATALOG) - set(catalog(connection)) == set()


def test_plain_yoyo_stops_at_the_orphan(any_database: str, connection: Connection) -> None:
    send(connection, FIXTURES / "orm.sql")
    done = yoyo(any_database, "apply")
    assert done.returncode != 0
    assert 'violates foreign key constraint "usage_analytics_user_id_fkey"' in done.stderr
    recorded = connection.execute("SELECT migration_id FROM _yoyo_migration ORDER BY 1").fetchall()
    assert recorded == [(path.stem,) for path in UP[:3]]
