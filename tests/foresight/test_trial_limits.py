"""When a trial may be, what it must not do, and what it leaves: nothing."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from aftermath import attempt, start_runner, write
from conftest import Connect, Servers, fresh_database, majors, needs, query, with_contrib
from console import Sqlrail, catalog, sqlrail
from listeners import Heard, Reacting
from waiting import PATIENCE, wait_for

from sqlrail.errors import Refused
from sqlrail.files.file import read_file
from sqlrail.foresight import copying, outward
from sqlrail.foresight import trial as trials
from sqlrail.foresight.copying import Table, unlike
from sqlrail.foresight.trial import FEW_ON_THEIR_SERVER, Consent, Trial
from sqlrail.ground.events import CopyingRows
from sqlrail.ground.settings import Settings
from sqlrail.scratch import scratch
from sqlrail.server import local
from sqlrail.verbs.plan import plan
from sqlrail.verbs.planned import Plan

__all__ = ["sqlrail"]  # the fixture

pytestmark = needs("a role that may make databases")

SCRATCHES = "SELECT datname FROM pg_database WHERE datname ~ '^sqlrail_scratch'"
TABLES = """
    CREATE TABLE users (id int PRIMARY KEY, email text);
    CREATE TABLE posts (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE);
"""
ROWS = """
    INSERT INTO users SELECT n, 'somebody-' || n FROM generate_series(1, 10) AS n;
    INSERT INTO posts SELECT n, n % 10 + 1 FROM generate_series(1, 30) AS n;
"""
UNIQUE = "ALTER TABLE users ADD UNIQUE (email)"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return write(tmp_path / "files", **{"001_tables": TABLES})


@pytest.fixture
def live(server: local.Server, database: str, files: Path) -> Iterator[str]:
    assert attempt(database, Heard(), files) is None
    query(database, ROWS)
    yield database
    assert query(server.url, SCRATCHES) == []


def planned(
    url: str, files: Path, heard: Heard | None = None, consent: Consent = FEW_ON_THEIR_SERVER
) -> Plan:
    return plan(
        Settings(database_url=url, environment="test", migrations=files), heard or Heard(), consent=consent
    )


def tried(
    url: str, files: Path, *pending: str, consent: Consent = FEW_ON_THEIR_SERVER
) -> tuple[Trial, Heard]:
    heard = Heard()
    for number, text in enumerate(pending, 2):
        write(files, **{f"{number:03}_pending": text})
    return planned(url, files, heard, consent).trial, heard


def copies(heard: Heard) -> list[CopyingRows]:
    return [event for event in heard.events if isinstance(event, CopyingRows)]


# When


def test_what_is_copied_is_said_before_and_only_that_is(live: str, files: Path) -> None:
    trial, heard = tried(live, files, UNIQUE)
    size = 2 * 8192  # and the table of its long values, which is empty
    assert copies(heard) == [CopyingRows(("public.users",), size, None)]
    assert (trial.tables, trial.bytes, trial.not_tried) == (("public.users",), size, {})


def test_more_is_copied_only_where_that_is_allowed(
    live: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "FEW", 100)
    trial, heard = tried(live, files, "CREATE TABLE new ()", UNIQUE, "SELECT FROM users", "SELECT 1")
    assert copies(heard) == []
    assert trial.tried.keys() == {"002_pending", "005_pending"}
    assert trial.not_tried == {
        "003_pending": "the rows of 1 table (16 kB) would be copied, which needs --try --allow-copy",
        "004_pending": "it is behind 003_pending, which works on public.users as well and is not tried to its end",
    }
    with pytest.raises(Refused, match=r"^--try: the rows of 1 table .*--allow-copy. Nothing was copied.$"):
        planned(live, files, heard, Consent(asked=True))
    assert copies(heard) == []
    trial, heard = tried(live, files, consent=Consent(asked=True, anywhere=True))
    assert (trial.not_tried, len(copies(heard))) == ({}, 1)


def test_a_table_that_turns_up_later_counts(live: str, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "FEW", 20_000)
    trial, heard = tried(live, files, "DELETE FROM users WHERE id = 1")
    assert [event.tables for event in copies(heard)] == [("public.users",)]
    assert trial.tried == {}
    assert "(24 kB) would be copied" in trial.not_tried["002_pending"]


def test_it_can_be_switched_off(live: str, files: Path) -> None:
    trial, heard = tried(live, files, UNIQUE, consent=Consent(asked=False))
    assert (trial, copies(heard)) == (Trial(), [])


def test_nothing_is_copied_where_nothing_is_there(database: str, files: Path) -> None:
    assert attempt(database, Heard(), files) is None
    trial, heard = tried(database, files, UNIQUE)
    assert copies(heard) == []
    assert [one.outcome for one in trial.tried["002_pending"]] == ["passes"]


def test_rows_go_to_another_server_only_where_that_is_allowed(
    live: str, files: Path, servers: Servers, sqlrail: Sqlrail
) -> None:
    other = servers(min(majors()))
    write(files, **{"002_pending": UNIQUE})
    environment = {"DATABASE_URL": live, "APP_ENV": "test"}
    flags = ("plan", "--json", "--migrations", str(files), "--scratch", other.url)
    left_out = sqlrail(*flags, env=environment)
    assert "copied to another server" in left_out.document["trial"]["not_tried"]["002_pending"]
    refused = sqlrail(*flags, "--try", env=environment)
    assert refused.error["kind"] == "refused"
    assert "copying" not in left_out.err + refused.err
    done = sqlrail(*flags, "--try", "--allow-copy", env=environment)
    assert (done.code, done.document["trial"]["copied"]) == (0, ["public.users"])
    assert "(16 kB) into a scratch database on postgres@" in done.err
    assert query(other.url, SCRATCHES) == []


@pytest.mark.parametrize(
    ("flags", "why"),
    [(["--allow-copy"], "goes with --try"), (["--try", "--no-rows"], "--try has no effect here: --no-rows")],
    ids=["nothing to copy for", "nothing to copy"],
)
def test_flags_that_decide_nothing_are_refused(
    sqlrail: Sqlrail, files: Path, flags: list[str], why: str
) -> None:
    ended = sqlrail("plan", *flags, "--migrations", str(files), env={})
    assert (ended.code, why in ended.err) == (2, True)


# What it cannot try: files that have nothing to do with it are tried all the same


def test_files_behind_one_that_fails_are_tried_where_they_have_nothing_in_common(
    live: str, files: Path
) -> None:
    doubled = "UPDATE users SET email = ''; ALTER TABLE users ADD UNIQUE (email); CREATE TABLE new (id int)"
    trial, _ = tried(
        live,
        files,
        doubled,
        "DELETE FROM users",
        "ALTER TABLE posts ADD UNIQUE (user_id)",
        "-- depends: 002_pending\nSELECT 1",
        "CREATE TABLE more (id int)",
        "INSERT INTO new VALUES (1)",
    )
    assert {id_: [one.outcome for one in its] for id_, its in trial.tried.items()} == {
        "002_pending": ["passes", "fails"], "004_pending": ["fails"], "006_pending": ["passes"],
        "007_pending": ["unknown"],
    }  # fmt: skip
    assert trial.not_tried == {
        "003_pending": "it is behind 002_pending, which works on public.users as well and fails: mend that first, then "
        "plan again",
        "005_pending": "it depends on 002_pending, which fails: mend that first, then plan again",
        "007_pending": 'it may need what a file that is not tried makes: relation "new" does not exist',
    }


def test_behind_one_that_changes_more_than_tables_nothing_is_known(live: str, files: Path) -> None:
    function = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"
    assert attempt(live, Heard(), write(files, **{"002_pending": function})) is None
    trial, _ = tried(
        live, files, function, "DROP FUNCTION f(); UPDATE users SET email = ''; ALTER TABLE users ADD UNIQUE (email)",
        "ALTER TABLE posts ADD UNIQUE (user_id)",
    )  # fmt: skip
    assert trial.not_tried == {
        "004_pending": "it is behind 003_pending, which fails: mend that first, then plan again"
    }


#: what a table may have besides, and what somebody may change by hand
MORE = """
    CREATE TYPE mood AS ENUM ('sad');
    CREATE DOMAIN short AS text;
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    ALTER TABLE users ADD m mood, ADD s short;
    CREATE TRIGGER f BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION f();
"""
DRIFT = {
    "a check": "ALTER TABLE users ADD CHECK (id > 0)",
    "a column": "ALTER TABLE users ADD c int",
    "a type": "ALTER TABLE users ALTER email TYPE varchar",
    "a default": "ALTER TABLE users ALTER email SET DEFAULT ''",
    "a null": "ALTER TABLE users ALTER email SET NOT NULL",
    "a unique index": "CREATE UNIQUE INDEX ON users (lower(email))",
    "a child": "CREATE TABLE other (u int REFERENCES users)",
    "a trigger": "ALTER TABLE users DISABLE TRIGGER f",
    "its function": "CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "a rule": "CREATE RULE r AS ON DELETE TO users DO INSTEAD NOTHING",
    "a label": "ALTER TYPE mood ADD VALUE 'fine'",
    "a domain": "ALTER DOMAIN short ADD CHECK (length(VALUE) < 5)",
}  # fmt: skip


@pytest.mark.parametrize("statement", DRIFT.values(), ids=DRIFT)
def test_a_table_that_somebody_has_changed_is_told_from_the_files(
    live: str, connect: Connect, statement: str
) -> None:
    own, users = connect(live), ("public", "users")
    own.execute(MORE)

    def look() -> Table:
        return copying.look(own, [users])[users]

    before = look()
    assert unlike(users, look(), before) is None
    own.execute(statement.encode())
    assert unlike(users, look(), before) == "public.users is not as the files build it (`drift` shows how)"


HARMLESS_DRIFT = {
    "an index": "CREATE INDEX ON users (email)",
    "the order of columns": "ALTER TABLE users DROP s, DROP m; ALTER TABLE users ADD s short, ADD m mood",
    "a comment": "COMMENT ON TABLE users IS 'people'",
    "statistics": "ALTER TABLE users ALTER email SET STATISTICS 500",
}  # fmt: skip


@pytest.mark.parametrize("statement", HARMLESS_DRIFT.values(), ids=HARMLESS_DRIFT)
def test_what_decides_about_no_row_may_differ(live: str, connect: Connect, statement: str) -> None:
    own, users = connect(live), ("public", "users")
    own.execute(MORE)
    before = copying.look(own, [users])[users]
    own.execute(statement.encode())
    assert unlike(users, copying.look(own, [users])[users], before) is None


def test_what_somebody_has_made_by_hand_counts(live: str, files: Path) -> None:
    query(live, "ALTER TABLE users ADD CONSTRAINT by_hand CHECK (id > 0)")
    trial, _ = tried(live, files, "INSERT INTO users SELECT -id FROM posts")
    (one,) = trial.tried["002_pending"]
    assert one.says == 'new row for relation "users" violates check constraint "by_hand"'


def test_rows_that_the_role_may_not_read_are_unknown_and_the_rest_is_tried(
    live: str, files: Path, connect: Connect
) -> None:
    admin = connect(live)
    admin.execute("CREATE ROLE trial_reader LOGIN CREATEDB")
    try:
        admin.execute("GRANT USAGE ON SCHEMA public TO trial_reader")
        admin.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO trial_reader")
        admin.execute("REVOKE SELECT ON users FROM trial_reader")
        its = live.replace("postgres@", "trial_reader@")
        trial, heard = tried(its, files, "SELECT count(*) FROM posts", UNIQUE)
        assert [event.tables for event in copies(heard)] == [("public.posts",)]
        assert trial.not_tried == {"003_pending": "no right to read public.users"}
        admin.execute("GRANT SELECT ON users TO trial_reader; ALTER TABLE posts ENABLE ROW LEVEL SECURITY")
        trial, heard = tried(its, files)
        assert [event.tables for event in copies(heard)] == [("public.users",)]
        assert trial.not_tried == {"002_pending": "row-level security hides rows of public.posts"}
    finally:
        admin.execute("DROP OWNED BY trial_reader; DROP ROLE trial_reader")


def test_a_materialized_view_is_not_copied(live: str, files: Path) -> None:
    make = "CREATE MATERIALIZED VIEW seen AS TABLE users"
    assert attempt(live, Heard(), write(files, **{"002_pending": make})) is None
    trial, _ = tried(live, files, make, "REFRESH MATERIALIZED VIEW seen")
    assert trial.not_tried == {
        "003_pending": "the rows of a materialized view, public.seen, cannot be copied"
    }


def test_what_is_half_done_is_not_tried(live: str, files: Path) -> None:
    text = "-- transactional: false\nALTER TABLE users ADD a int; SELECT 1 / id FROM nowhere"
    write(files, **{"002_pending": text})
    assert attempt(live, Heard(), files) is not None
    write(files, **{"002_pending": text.replace("SELECT 1 / id FROM nowhere", "SELECT 1")})
    trial, heard = tried(live, files)
    assert copies(heard) == []
    assert trial.not_tried["002_pending"].startswith("some of its statements are done already")


def test_beside_what_is_half_done_a_table_without_rows_is_compared_as_well(
    database: str, files: Path
) -> None:
    """That rehearsal begins from what the files build, which is not what somebody has made of the live table."""
    text = "-- transactional: false\nALTER TABLE posts ADD a int; SELECT 1 / id FROM nowhere"
    write(files, **{"002_pending": text})
    assert attempt(database, Heard(), files) is not None
    query(database, "ALTER TABLE users ADD by_hand int NOT NULL")
    half = {"002_pending": text.replace("SELECT 1 / id FROM nowhere", "SELECT 1")}
    write(files, **half, **{"001_z_ahead": "INSERT INTO users (id) VALUES (1)"})
    trial = planned(database, files).trial
    assert trial.tried == {}
    assert trial.not_tried["001_z_ahead"] == "public.users is not as the files build it (`drift` shows how)"


def test_what_a_role_owns_in_the_live_database_is_not_told_from_a_copy(live: str, files: Path) -> None:
    query(live, "CREATE ROLE trial_owner; ALTER TABLE posts OWNER TO trial_owner")
    try:
        write(files, **{"002_pending": "DROP OWNED BY trial_owner", "003_behind": UNIQUE})
        made = planned(live, files)
        (dropping,) = made.files[0].statements
        assert (made.files[0].verdict, dropping.outcome) == ("unknown", None)
        assert (
            dropping.note
            == "not rehearsed: what a role owns in the live database, it need not own in another"
        )
        assert made.trial.not_tried == {
            "002_pending": "it has DROP OWNED: what a role owns in the live database, it need not own in another",
            "003_behind": "it is behind 002_pending, which is not tried to its end",
        }
    finally:
        query(live, "DROP OWNED BY trial_owner; DROP ROLE trial_owner")


# What reaches out of the database


NOTIFYING = """
    CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_notify('a', 'b'); RETURN NULL; END $$;
    CREATE FUNCTION log_it() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO log VALUES (1); RETURN NULL; END $$;
    CREATE TABLE log (id int);
    CREATE TABLE told (id int);
    CREATE TABLE deep (id int);
    CREATE TRIGGER tell AFTER INSERT OR DELETE ON told FOR EACH ROW EXECUTE FUNCTION tell();
    CREATE TRIGGER tell AFTER INSERT ON log FOR EACH ROW EXECUTE FUNCTION tell();
    CREATE TRIGGER log_it AFTER DELETE ON deep FOR EACH ROW EXECUTE FUNCTION log_it();
    CREATE VIEW shown AS SELECT id FROM told;
    INSERT INTO deep VALUES (1);
"""
OUTWARD = {
    "NOTIFY": ("NOTIFY a, 'b'; DELETE FROM users", "NOTIFY"),
    "in a block": ("DO $$ BEGIN NOTIFY a; END $$; DELETE FROM users", "NOTIFY"),
    "by a function": ("SELECT pg_notify('a', 'b'), id FROM users", "NOTIFY"),
    "by a trigger": ("DELETE FROM told", "NOTIFY"),
    "by a trigger of a trigger's table": ("DELETE FROM deep", "NOTIFY"),
    "through a view": ("DELETE FROM shown", "NOTIFY"),
    "a function of its own": (
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ SELECT pg_notify('a', 'b') $$; SELECT f() FROM users",
        "NOTIFY",
    ),
    "COPY": ("COPY users TO PROGRAM 'true'", "COPY … PROGRAM"),
    "to a file": ("COPY users TO '/dev/null'", "COPY … TO a file of the server"),
    "large objects": ("SELECT lo_unlink(oid) FROM pg_largeobject_metadata, users", "a large object"),
    "foreign": (
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE f () SERVER s",
        "a foreign table",
    ),
    "another's session": ("SELECT pg_cancel_backend(id) FROM users WHERE id < 0", "another session"),
}  # fmt: skip


@pytest.fixture(scope="module")
def reach(
    server: local.Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], str | None]]:
    """By what a file with some text reaches out of a database, if it does."""
    path = tmp_path_factory.mktemp("files") / "002_pending.sql"
    with fresh_database(server) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"{TABLES}; {NOTIFYING}".encode())
        there = outward.known(connection)

        def found(text: str) -> str | None:
            path.write_text(text)
            return outward.way_out(read_file(path), (), there)

        yield found


@pytest.mark.parametrize("name", OUTWARD)
def test_what_reaches_out_is_found(reach: Callable[[str], str | None], name: str) -> None:
    text, way = OUTWARD[name]
    assert reach(text) == way


def test_it_is_not_tried_and_what_has_nothing_to_do_with_it_is(database: str, tmp_path: Path) -> None:
    files = write(tmp_path / "files", **{"001_tables": f"{TABLES}; {NOTIFYING}"})
    assert attempt(database, Heard(), files) is None
    query(database, f"{ROWS}; INSERT INTO deep VALUES (1)")
    trial, heard = tried(database, files, "DELETE FROM deep", "DELETE FROM users")
    why = "it reaches out of the database by NOTIFY, which nothing would take back"
    assert trial.not_tried == {"002_pending": why}
    assert [event.tables for event in copies(heard)][-1] == ("public.posts", "public.users")


HARMLESS = {
    "a comment": "-- no NOTIFY, no dblink()\nDELETE FROM users WHERE id = 1 /* pg_notify('a', 'b') */",
    "a text": "UPDATE users SET email = 'notify me, or copy' WHERE id = 1",
    "a column": "ALTER TABLE users ADD notify boolean; UPDATE users SET notify = true",
    "a table whose triggers only tell of others": "INSERT INTO users VALUES (11)",
    "data": "COPY users FROM stdin;\n11\tpg_notify('a', 'b')\n\\.\n",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_so_is_not(reach: Callable[[str], str | None], name: str) -> None:
    assert reach(HARMLESS[name]) is None


@pytest.mark.skipif(not with_contrib(), reason="needs PostgreSQL's own extensions")
def test_functions_of_extensions_that_talk_to_others_are_not_tried(servers: Servers, tmp_path: Path) -> None:
    with fresh_database(servers(max(with_contrib()))) as url:
        files = write(
            tmp_path / "files",
            **{"001_tables": f"CREATE EXTENSION dblink; CREATE EXTENSION citext; {TABLES}"},
        )
        assert attempt(url, Heard(), files) is None
        query(url, ROWS)
        trial, _ = tried(
            url,
            files,
            "UPDATE users SET email = email::citext::text",
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN EXECUTE 'SELECT dblink_connect(NULL)'; END $$; DELETE FROM users",
        )
        assert trial.tried.keys() == {"002_pending"}
        assert "by dblink" in trial.not_tried["003_pending"]


# What it says


def test_no_value_of_a_row_is_said(live: str, files: Path, sqlrail: Sqlrail) -> None:
    raising = (
        "DO $$ DECLARE r record; BEGIN FOR r IN TABLE users LOOP RAISE 'not %', r.email; END LOOP; END $$"
    )
    value = "somebody-"
    environment = {"DATABASE_URL": live, "APP_ENV": "test"}
    for text in (
        "ALTER TABLE users ALTER email TYPE int USING email::int",
        "ALTER TABLE users ALTER email TYPE date USING email::date",
        "ALTER TABLE users ALTER email TYPE json USING email::json",
        raising,
        "INSERT INTO posts SELECT 1, id FROM users",
        "UPDATE users SET id = 1",
        "ALTER TABLE users ADD CHECK (email = '')",
        "DO $$ DECLARE r record; BEGIN FOR r IN TABLE users LOOP ASSERT false, r.email; END LOOP; END $$",
    ):
        write(files, **{"002_pending": text})
        ended = sqlrail("plan", "--json", "--migrations", str(files), env=environment)
        (file,) = ended.document["files"]
        assert [one["outcome"] for one in file["statements"]][-1] == "fails", text
        assert value not in ended.out + ended.err
        assert "Key (" not in ended.out + ended.err


def test_rows_that_each_statement_takes_away_are_counted(live: str, files: Path) -> None:
    trial, _ = tried(
        live, files,
        "DELETE FROM users WHERE id <= 2;\nUPDATE users SET email = id;\nINSERT INTO users VALUES (1), (2);\n"
        "DELETE FROM users WHERE id = 1;\nTRUNCATE posts;\nALTER TABLE users ALTER email TYPE varchar(9);\n"
        "DROP TABLE users CASCADE",
    )  # fmt: skip
    assert [one.gone for one in trial.tried["002_pending"]] == [
        (("public.posts", 6), ("public.users", 2)), (), (), (("public.users", 1),), (("public.posts", 24),), (),
        (("public.users", 9),),
    ]  # fmt: skip


def test_so_are_those_outside_a_transaction(live: str, files: Path) -> None:
    trial, _ = tried(
        live, files, "-- transactional: false\nDELETE FROM users WHERE id <= 2; SELECT 1; TRUNCATE posts"
    )
    assert [one.gone for one in trial.tried["002_pending"]] == [
        (("public.posts", 6), ("public.users", 2)), (), (("public.posts", 24),),
    ]  # fmt: skip


def test_what_takes_too_long_is_unknown(live: str, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "PATIENCE", 0.5)
    trial, _ = tried(live, files, "SELECT 1;\nSELECT pg_sleep(60) FROM users;\nSELECT 2", "SELECT 3")
    assert [one.outcome for one in trial.tried["002_pending"]] == ["passes", "unknown"]
    assert [one.outcome for one in trial.tried["003_pending"]] == ["passes"]
    why = "the trial ended here: canceling statement due to statement timeout"
    assert trial.not_tried == {"002_pending": why}


# What it leaves


#: a function that takes its time in a copy, and nowhere else
SLOW = """
    CREATE FUNCTION slow() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_sleep(20) WHERE current_database() ~ '^sqlrail_scratch';
        RETURN true;
    END $$
"""
SLOWLY = {
    "tried": "CREATE TABLE t (id int)",
    "copied": "CREATE TABLE t (id int CHECK (slow()))",
}


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, pytest.param(signal.SIGKILL, marks=pytest.mark.promise)],
    ids=["SIGTERM", "SIGKILL"],
)
@pytest.mark.parametrize("name", SLOWLY)
def test_a_copy_is_dropped_when_the_plan_is_interrupted_and_by_the_next_where_it_was_killed(
    server: local.Server,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    name: str,
) -> None:
    monkeypatch.setattr(scratch, "GRACE", -1)
    files = write(tmp_path / "files", **{"001_tables": f"{SLOW}; {SLOWLY[name]}"})
    assert attempt(database, Heard(), files) is None
    query(database, "INSERT INTO t VALUES (1)")
    write(files, **{"002_pending": "SELECT slow() FROM t"})
    asleep = (
        "SELECT datname FROM pg_stat_activity WHERE datname ~ '^sqlrail_scratch' AND wait_event = 'PgSleep'"
    )
    runner = start_runner(database, "plan", "--migrations", files)
    try:
        wait_for(lambda: query(server.url, asleep), f"it is {name}")
        ((left,),) = query(server.url, asleep)
        runner.send_signal(number)
        _, talk = runner.communicate(timeout=PATIENCE)
    finally:
        runner.kill()
        runner.communicate()
    reading = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    wait_for(lambda: not query(database, reading), "nobody reads the live tables")
    if number == signal.SIGTERM:
        assert "copying the rows of public.t" in talk
        assert "interrupted" in talk
        assert query(server.url, SCRATCHES) == []
        return
    inside = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
    wait_for(lambda: not query(server.url, inside, [left]), "it is gone")
    assert query(server.url, SCRATCHES) == [(left,)]
    planned(database, write(files, **{"002_pending": "SELECT 1"}))
    assert query(server.url, SCRATCHES) == []


@pytest.mark.parametrize("where", ["live", "scratch"])
@pytest.mark.parametrize(
    "moment", ["look", "_may_be_silent", "_switch", "_copy_one", "_own_sequences", "_listed"]
)
def test_where_a_connection_is_lost_the_file_is_not_tried_and_the_plan_goes_on(
    server: local.Server, live: str, files: Path, monkeypatch: pytest.MonkeyPatch, moment: str, where: str
) -> None:
    """At each step of copying, its sessions in the live database are ended, or those in the copy."""
    room = trials if moment == "look" else copying
    done, ends = (
        getattr(room, moment),
        f"datname {'=' if where == 'live' else '<>'} %s AND pid <> pg_backend_pid()",
    )
    name = live.rpartition("/")[2].partition("?")[0]

    def ended(*args: object) -> object:
        end = f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {ends} AND query !~ 'pg_stat'"
        query(server.url, end, [name])
        return done(*args)

    monkeypatch.setattr(room, moment, ended)
    before = query(live, "TABLE users")
    write(files, **{"002_pending": f"INSERT INTO users VALUES (11); {UNIQUE}"})
    made = planned(live, files)
    assert made.trial.tried == {}
    assert set(made.trial.not_tried) == {"002_pending"}
    assert [one.outcome for file in made.files for one in file.statements] == [None, None]
    assert query(live, "TABLE users") == before


def test_a_copy_that_is_interrupted_leaves_nothing(server: local.Server, live: str, files: Path) -> None:
    class Enough(Exception):
        pass

    def stop() -> None:
        raise Enough

    write(files, **{"002_pending": UNIQUE})
    with pytest.raises(Enough):
        planned(live, files, Reacting(stop))
    assert query(server.url, SCRATCHES) == []


def test_the_live_database_is_only_read(live: str, files: Path, connect: Connect) -> None:
    own, locks = connect(live), set[str]()
    held = """
        SELECT mode FROM pg_locks
         WHERE relation IN ('users'::regclass, 'posts'::regclass) AND pid <> pg_backend_pid()
    """

    def look() -> None:
        locks.update(mode for (mode,) in own.execute(held.encode()).fetchall())

    def written() -> list[object]:
        rows = "SELECT xmin::text, ctx.* FROM users AS ctx ORDER BY id"
        return [catalog(live), own.execute(rows.encode()).fetchall()]

    before = written()
    write(files, **{"002_pending": f"DELETE FROM users WHERE id = 1; INSERT INTO users VALUES (1); {UNIQUE}"})
    assert planned(live, files, Reacting(look)).trial.not_tried == {}
    assert locks <= {"AccessShareLock"}
    assert written() == before
