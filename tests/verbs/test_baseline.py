"""The verb baseline: records without running, once the database was held against what the files build."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aftermath import IDS, MIGRATIONS, attempt, read, start_runner, write
from conftest import Connect, needs, open_folder, query
from console import Outcome, Sqlrail, catalog, foreign, sqlrail
from listeners import Heard
from psycopg import sql
from test_together import finish, yoyo
from waiting import PATIENCE, wait_for, watching

from sqlrail.errors import Interrupted, MissingPrerequisite, Refused
from sqlrail.ground.settings import Settings
from sqlrail.scratch import scratch
from sqlrail.server import local
from sqlrail.verbs.baseline import baseline

__all__ = ["sqlrail"]  # the fixture

SCRATCHES = "SELECT datname FROM pg_database WHERE datname ~ '^sqlrail_scratch'"
FILES = {
    "001_user": "CREATE TABLE users (id uuid PRIMARY KEY, email varchar(255) NOT NULL);\n",
    "002_event": "-- depends: 001_user\nCREATE TABLE event (id int, by uuid REFERENCES users, at timestamptz[]);\n",
    "003_mood": "CREATE TYPE mood AS ENUM ('fine');\nALTER TABLE event ADD COLUMN mood mood;\n",
    "004_later": "CREATE TABLE later (id int);\n",
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return write(tmp_path / "files", **FILES)


@pytest.fixture
def existing(database: str) -> str:
    """A database that has what the first three files build, made by hand."""
    for text in [*FILES.values()][:3]:
        query(database, text)
    query(database, "INSERT INTO users VALUES (gen_random_uuid(), 'a@example.org')")
    return database


@pytest.fixture
def take(sqlrail: Sqlrail, files: Path) -> Any:
    """Calls baseline on the files in development."""

    def call(url: str, *flags: str) -> Outcome:
        environment = {"DATABASE_URL": url, "APP_ENV": "development"}
        return sqlrail("baseline", "--migrations", str(files), *flags, env=environment)

    return call


@pytest.fixture(autouse=True)
def _no_scratch_stays(server: local.Server) -> Iterator[None]:
    yield
    assert query(server.url, SCRATCHES) == []


def log(url: str) -> list[Any]:
    return query(url, "SELECT operation, migration_id, comment FROM _yoyo_log ORDER BY created_at_utc")


# What is recorded


@needs("CREATEDB")
def test_files_are_recorded_with_their_checksums_and_none_is_run(
    existing: str, files: Path, take: Any, sqlrail: Sqlrail
) -> None:
    before = foreign(catalog(existing))
    done = take(existing, "--to", "003_mood")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "recorded 001_user", "recorded 002_event", "recorded 003_mood", "done: 3 recorded as applied, none run"
    ]  # fmt: skip
    assert {line for line in foreign(catalog(existing)) if "sqlrail" not in line} == before
    state = read(existing)
    assert (state.records, state.lock_rows, len(state.rows["users"])) == ([*FILES][:3], 0, 1)
    assert [(operation, id_) for operation, id_, _ in log(existing)] == [
        ("mark", id_) for id_ in [*FILES][:3]
    ]
    assert query(existing, "SELECT environment FROM sqlrail.stamp") == [("development",)]
    assert re.findall(r"^([AU]) ", yoyo(existing, "list", files), re.MULTILINE) == ["A", "A", "A", "U"]
    write(files, **{"002_event": FILES["002_event"] + "SELECT 1;\n"})
    status = sqlrail("status", "--json", "--migrations", str(files), env={"DATABASE_URL": existing})
    states = {one["id"]: one["state"] for one in status.document["migrations"]}
    assert states == {
        "001_user": "applied",
        "002_event": "edited",
        "003_mood": "applied",
        "004_later": "pending",
    }
    write(files, **FILES)
    heard = Heard()
    assert attempt(existing, heard, files) is None
    assert heard.applied_ids == ["004_later"]


def test_the_number_alone_is_enough_and_json_says_what_was_found(existing: str, take: Any) -> None:
    query(
        existing,
        "ALTER TABLE users ADD COLUMN more int DEFAULT 1, ADD COLUMN most int; CREATE INDEX ON users (email)",
    )
    query(existing, "CREATE TABLE besides (id int)")
    assert take(existing, "--to", "3", "--json").document == {
        "baselined": [*FILES][:3],
        "compared": True,
        "differences": [],
        "notes": [],
        "more_tables": 1,
        "more_columns": 2,
        "more_others": 1,
    }


def test_the_order_is_yoyo_s(database: str, tmp_path: Path) -> None:
    files = write(
        tmp_path / "moved",
        **{
            "001_view": "-- depends: 003_table\nCREATE VIEW v AS SELECT id FROM t;\n",
            "002_other": "CREATE TABLE other (id int);\n",
            "003_table": "CREATE TABLE t (id int);\n",
        },
    )
    query(database, "CREATE TABLE t (id int)")
    query(database, "CREATE TABLE other (id int); CREATE VIEW v AS SELECT id FROM t")
    settings = Settings(database_url=database, environment="test", migrations=files)
    assert baseline(settings, Heard(), "001_view").ids == ("002_other", "003_table", "001_view")


def test_the_database_of_an_orm_is_refused_for_what_it_lacks_and_migrate_makes_that(
    any_database: str,
) -> None:
    database = any_database
    query(database, (Path(__file__).parents[1] / "orm.sql").read_text())
    settings = Settings(database_url=database, environment="staging", migrations=MIGRATIONS)
    with pytest.raises(Refused) as refused:
        baseline(settings, Heard(), "3")
    lacking = refused.value.details["differences"]
    for line in (
        "public.onboarding_answers constraint onboarding_answers_user_id_fkey: the database lacks it",
        "public.users created_at default: the database lacks it",
        "public.analytics_reports index analytics_reports_user_id_idx: the database lacks it",
    ):
        assert line in lacking
    assert not any("sessions_user_id" in line or "users_email_key1" in line for line in lacking)
    assert read(database).records == []
    heard = Heard()
    assert attempt(database, heard) is None
    assert heard.applied_ids == IDS


def test_where_names_lead_to_another_schema_the_files_are_built_there(
    database: str, files: Path, connect: Connect, take: Any
) -> None:
    administrator = connect(database)
    name = sql.Identifier(administrator.info.dbname)
    administrator.execute('CREATE SCHEMA "Ten ant\'s"')
    administrator.execute(
        sql.SQL('ALTER DATABASE {} SET search_path = "Ten ant\'s", nowhere, public').format(name)
    )
    for text in [*FILES.values()][:3]:
        query(database, text)
    assert query(database, "SELECT 'users'::regclass::oid = '\"Ten ant''s\".users'::regclass") == [(True,)]
    done = take(database, "--to", "3", "--json")
    assert (done.code, done.document.get("differences")) == (0, []), done.err
    query(database, "CREATE TABLE public.later (id int)")
    settings = Settings(database_url=database, environment="test", migrations=files)
    query(database, 'DELETE FROM "Ten ant\'s"._yoyo_migration')
    lacking = baseline(settings, Heard(), "4", accept_differences=True).comparison.lacking
    assert lacking == ('"Ten ant\'s".later table: the database lacks it',)


# What is refused


def test_an_unknown_id_is_wrong_usage(existing: str, take: Any) -> None:
    before = catalog(existing)
    for flags, says in (
        (["--to", "9"], "--to is '9': there is no migration of that name"),
        ([], "required: --to"),
    ):
        done = take(existing, *flags)
        assert (done.code, says in done.err) == (2, True)
    assert catalog(existing) == before


def test_a_database_with_a_record_is_refused(existing: str, files: Path, take: Any) -> None:
    yoyo(existing, "mark", files, "-r", "001_user")
    before = read(existing)
    for flags in ([], ["--accept-differences"]):
        done = take(existing, "--to", "2", *flags)
        assert (done.code, done.out) == (3, "")
        assert (
            "the database has 1 record already, of 001_user. It is for a database that has none" in done.err
        )
    assert read(existing) == before


def test_records_of_a_yoyo_before_6_are_refused_as_they_are(existing: str, take: Any) -> None:
    query(existing, "CREATE TABLE _yoyo_migration (id varchar(191) PRIMARY KEY, ctime timestamp)")
    before = catalog(existing)
    done = take(existing, "--to", "2")
    assert (done.code, "`migrate` upgrades them" in done.err) == (1, True)
    assert catalog(existing) == before


@pytest.mark.promise
def test_of_baselines_at_once_one_records(existing: str, files: Path) -> None:
    done = finish(*(start_runner(existing, "baseline", "--to", "3", "--migrations", files) for _ in range(6)))
    assert sorted(code for code, _, _ in done) == [0, 3, 3, 3, 3, 3], done
    assert (read(existing).records, read(existing).lock_rows) == ([*FILES][:3], 0)
    assert [operation for operation, _, _ in log(existing)] == ["mark"] * 3


def test_what_the_database_lacks_is_listed_and_nothing_recorded(existing: str, take: Any) -> None:
    query(existing, "ALTER TABLE event DROP COLUMN at, ALTER COLUMN id TYPE bigint")
    query(existing, "ALTER TABLE event ALTER COLUMN mood TYPE text")
    query(existing, "ALTER TABLE users ALTER email TYPE varchar(200)")
    before = catalog(existing)
    done = take(existing, "--to", "4", "--json")
    assert (done.code, done.error["kind"]) == (3, "refused")
    assert done.error["message"] == (
        "baseline is refused: the database is not what the files build:\n"
        "  public.event at: the database lacks it\n"
        "  public.event id: files say integer, database says bigint\n"
        "  public.event mood: files say public.mood, database says text\n"
        "  public.later table: the database lacks it\n"
        "  public.users email: files say character varying(255), database says character varying(200)\n"
        "Mend the database (`drift --pending --print-sql` has a draft), or name an earlier ID and let `migrate` run "
        "the rest; --accept-differences records the files all the same, and logs that. Nothing was recorded."
    )
    assert len(done.error["differences"]) == 5
    assert catalog(existing) == before


def test_differences_that_are_accepted_are_said_and_logged(
    existing: str, files: Path, take: Any, sqlrail: Sqlrail
) -> None:
    done = take(existing, "--to", "4", "--accept-differences", "--json")
    lacking = "public.later table: the database lacks it"
    assert (done.code, done.document["differences"]) == (0, [lacking])
    assert "warning: accepted by --accept-differences, up to 004_later: the database is not what" in done.err
    assert lacking in done.err
    assert read(existing).records == [*FILES]
    assert log(existing)[-1] == (
        "accept", "004_later", f"the database is not what the files build: {lacking}"
    )  # fmt: skip
    status = sqlrail("status", "--json", "--migrations", str(files), env={"DATABASE_URL": existing})
    assert all(one["checksum"] for one in status.document["migrations"])
    assert attempt(existing, heard := Heard(), files) is None
    assert (heard.applied_ids, heard.said) == ([], [])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("SELECT 1 / 0;\n", r"004_later\.sql:1:1: division by zero"),
        ("COMMIT;\n", r"004_later\.sql:1:1: COMMIT"),
        ("-- transactional: false\nSELECT 1 / 0;\n", r"004_later\.sql:2:1: division by zero"),
    ],
    ids=["fails", "may not run", "not transactional"],
)
def test_files_that_do_not_build_are_not_recorded_unless_that_is_accepted(
    existing: str, files: Path, take: Any, text: str, says: str
) -> None:
    write(files, **{"004_later": text})
    done = take(existing, "--to", "4")
    assert (done.code, done.out) == (2 if text == "COMMIT;\n" else 3, "")
    assert re.search(rf"(?:They do not build on a scratch database: |^)\S+{says}", done.err)
    assert query(existing, "SELECT to_regclass('_yoyo_migration')") == [(None,)]
    done = take(existing, "--to", "4", "--accept-differences", "--json")
    assert (done.code, done.document["compared"], done.document["baselined"]) == (0, False, [*FILES])
    assert log(existing)[-1][:2] == ("accept", "004_later")


BUILT = """
CREATE SCHEMA app;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE users (
    id int PRIMARY KEY, email text NOT NULL CONSTRAINT users_mail UNIQUE,
    age int DEFAULT 1 CONSTRAINT adult CHECK (age > 17), mood mood, note text
);
CREATE TABLE event (id int, user_id int NOT NULL CONSTRAINT event_key REFERENCES users ON DELETE CASCADE);
CREATE INDEX event_user ON event (user_id);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();
CREATE VIEW named AS SELECT id, email FROM users;
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON users USING (email = current_user);
COMMENT ON TABLE users IS 'who';
GRANT SELECT ON users TO pg_monitor;
REVOKE EXECUTE ON FUNCTION touch FROM PUBLIC;
"""
KEY = "ADD CONSTRAINT event_key FOREIGN KEY (user_id) REFERENCES users"
LACKS = "the database lacks it"
REFUSED = {
    "a key": ("ALTER TABLE event DROP CONSTRAINT event_key", f"event constraint event_key: {LACKS}"),
    "what becomes of orphans": (
        f"ALTER TABLE event DROP CONSTRAINT event_key, {KEY}",
        "event constraint event_key: files say FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE, ",
    ),
    "a key that was never checked": (
        f"ALTER TABLE event DROP CONSTRAINT event_key, {KEY} ON DELETE CASCADE NOT VALID",
        "event constraint event_key: files say valid, database says not valid",
    ),
    "uniqueness": ("ALTER TABLE users DROP CONSTRAINT users_mail", f"users constraint users_mail: {LACKS}"),
    "a check": ("ALTER TABLE users DROP CONSTRAINT adult", f"users constraint adult: {LACKS}"),
    "a default": ("ALTER TABLE users ALTER age DROP DEFAULT", f"users age default: {LACKS}"),
    "not null": (
        "ALTER TABLE users ALTER email DROP NOT NULL",
        "users email: files say not null, database says nullable",
    ),
    "an index": ("DROP INDEX event_user", f"event index event_user: {LACKS}"),
    "a trigger": ("DROP TRIGGER touch ON users", f"users trigger touch: {LACKS}"),
    "a trigger that fires": (
        "ALTER TABLE users DISABLE TRIGGER touch",
        "users trigger touch: files say enabled, database says disabled",
    ),
    "a function's body": (
        "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "touch() definition: not as in the files",
    ),
    "a view": ("DROP VIEW named", f"named view: {LACKS}"),
    "a policy": ("DROP POLICY mine ON users", f"users policy mine: {LACKS}"),
    "row-level security": (
        "ALTER TABLE users DISABLE ROW LEVEL SECURITY",
        "users row-level security: files say on, database says off",
    ),
    "a value of an enum": (
        "ALTER TYPE mood RENAME VALUE 'happy' TO 'glad'",
        "mood values: files say",
    ),
    "a schema": ("DROP SCHEMA app", f"app schema: {LACKS}"),
    "what is logged": (
        "ALTER TABLE event SET UNLOGGED",
        "event persistence: files say logged, database says unlogged",
    ),
    "a privilege": (
        "REVOKE SELECT ON users FROM pg_monitor",
        f"users privilege SELECT for pg_monitor: {LACKS}",
    ),
    "what was revoked": (
        "GRANT EXECUTE ON FUNCTION touch TO PUBLIC",
        f"touch() privilege EXECUTE for owners only: {LACKS}",
    ),
}
NOTED: dict[str, tuple[str, list[str]]] = {
    "names": (
        'ALTER TABLE event RENAME CONSTRAINT event_key TO "userId"; ALTER INDEX event_user RENAME TO by_user',
        [
            'event constraint event_key: the database calls it "userId"',
            "event index event_user: the database calls it by_user",
        ],
    ),
    "comments": ("COMMENT ON TABLE users IS NULL", [f"users comment: {LACKS}"]),
    "storage": (
        "ALTER TABLE users ALTER note SET STORAGE EXTERNAL",
        ["users note storage: files say EXTENDED, database says EXTERNAL"],
    ),
    "a stricter column": (
        "ALTER TABLE users ALTER note SET NOT NULL",
        ["users note: files say nullable, database says not null"],
    ),
    "more": (
        (
            "CREATE INDEX ON users (note); ALTER TABLE users ADD UNIQUE (email), SET (fillfactor = 50); "
            "GRANT SELECT ON users TO PUBLIC; CREATE TABLE besides (id serial PRIMARY KEY)"
        ),
        [],
    ),
    "rows": ("INSERT INTO users VALUES (1, 'a', 18, NULL, '')", []),
    "an owner's own right": ("ALTER TABLE users OWNER TO pg_monitor", []),
    "no grants on schema public": ("REVOKE ALL ON SCHEMA public FROM PUBLIC", []),
}


def take_over(url: str, tmp_path: Path, change: str) -> Any:
    query(url, BUILT)
    query(url, change)
    files = write(tmp_path / "files", **{"001_all": BUILT})
    return baseline(Settings(database_url=url, environment="test", migrations=files), Heard(), "1").comparison


@pytest.mark.promise
@pytest.mark.parametrize(("change", "says"), [*REFUSED.values()], ids=[*REFUSED])
def test_what_the_files_build_has_to_be_there(database: str, tmp_path: Path, change: str, says: str) -> None:
    with pytest.raises(Refused) as refused:
        take_over(database, tmp_path, change)
    (difference,) = refused.value.details["differences"]
    assert difference.removeprefix("public.").startswith(says)
    assert f"  {difference}\n" in str(refused.value)
    assert read(database).records == []


@pytest.mark.promise
@pytest.mark.parametrize(("change", "says"), [*NOTED.values()], ids=[*NOTED])
def test_what_harms_nobody_is_only_said(database: str, tmp_path: Path, change: str, says: list[str]) -> None:
    found = take_over(database, tmp_path, change)
    assert (found.lacking, set(found.noted)) == ((), {f"public.{line}" for line in says})
    assert read(database).records == ["001_all"]


def test_it_is_so_on_every_major(any_database: str, tmp_path: Path) -> None:
    found = take_over(any_database, tmp_path, "; ".join(change for change, _ in NOTED.values()))
    lines = [f"public.{line}" for _, says in NOTED.values() for line in says]
    assert (found.lacking, sorted(found.noted)) == ((), sorted(lines))


def test_what_is_there_twice_is_counted_once(database: str, tmp_path: Path) -> None:
    found = take_over(database, tmp_path, NOTED["more"][0])
    assert found.more == (1, 0, 4)  # the index, the constraint, the option, and the table's sequence


def test_of_very_many_differences_the_first_are_read_and_scripts_get_all(
    database: str, tmp_path: Path
) -> None:
    files = write(tmp_path / "files", **{"001_a": "".join(f"CREATE TABLE t{n} ();\n" for n in range(100))})
    with pytest.raises(Refused, match=r"\n  and 60 more \(--json has them\)\n") as refused:
        baseline(Settings(database_url=database, migrations=files), Heard(), "1")
    assert len(refused.value.details["differences"]) == 100
    assert len(str(refused.value).splitlines()) == 43


# The scratch database


@pytest.fixture
def scratch_role(existing: str, connect: Connect) -> Iterator[str]:
    """The database's URL for a role that owns all in it, and may not create another."""
    administrator = connect(existing)
    administrator.execute("CREATE ROLE modest LOGIN")
    name = sql.Identifier(administrator.info.dbname)
    administrator.execute(sql.SQL("ALTER DATABASE {} OWNER TO modest").format(name))
    administrator.execute("ALTER SCHEMA public OWNER TO modest")
    try:
        yield existing.replace("postgres@", "modest@")
    finally:
        administrator.execute("REASSIGN OWNED BY modest TO postgres")
        administrator.execute("DROP OWNED BY modest")
        administrator.execute("DROP ROLE modest")


@pytest.mark.promise
def test_where_a_role_may_not_create_databases_the_embedded_server_stands_in(
    scratch_role: str, take: Any, monkeypatch: pytest.MonkeyPatch, open_home: Path
) -> None:
    monkeypatch.chdir(open_home)
    done = take(scratch_role, "--to", "4")
    assert done.code == 3
    assert "public.later table: the database lacks it" in done.err
    assert "The role modest may not create databases (ALTER ROLE ... CREATEDB)" in done.err
    assert "The embedded server stands in; it may be of another major" in done.err
    assert local.stop(Path(".pgdata")) is False  # it has been stopped
    done = take(scratch_role, "--to", "3", "--json")
    assert (done.code, done.document["compared"]) == (0, True)


def test_where_no_scratch_can_be_made_it_says_which_right_is_missing(
    existing: str, scratch_role: str, take: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> Path:
        raise MissingPrerequisite("No PostgreSQL server is installed here.")

    monkeypatch.setattr(local, "find_binaries", none)
    done = take(scratch_role, "--to", "3")
    assert (done.code, done.out) == (3, "")
    assert "was not compared with what the files build. The role modest may not create databases" in done.err
    assert "The embedded server cannot stand in: No PostgreSQL server is installed here." in done.err
    assert "--accept-differences" in done.err
    assert query(scratch_role, "SELECT to_regclass('_yoyo_migration')") == [(None,)]
    assert take(scratch_role, "--to", "3", "--accept-differences").code == 0
    assert read(existing).records == [*FILES][:3]


@pytest.fixture
def open_home() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder
        local.stop(folder / ".pgdata")


@contextmanager
def building(server: local.Server, url: str, files: Path) -> Iterator[Any]:
    """A baseline in the middle of building a slow file on its scratch database."""
    write(files, **{"003_mood": "SELECT pg_sleep(60);\n"})
    runner = start_runner(url, "baseline", "--to", "3", "--migrations", files)
    asleep = (
        "SELECT datname FROM pg_stat_activity WHERE datname ~ '^sqlrail_scratch' AND wait_event = 'PgSleep'"
    )
    wait_for(lambda: query(server.url, asleep), "it builds")
    try:
        yield runner
    finally:
        runner.kill()
        runner.communicate()


@pytest.mark.promise
@needs("CREATEDB")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_an_interrupted_baseline_drops_its_scratch_database_and_records_nothing(
    server: local.Server, existing: str, files: Path, number: signal.Signals
) -> None:
    with building(server, existing, files) as runner:
        runner.send_signal(number)
        out, talk = runner.communicate(timeout=PATIENCE)
    assert (runner.returncode, out) == (128 + number, "")
    assert "Traceback" not in talk
    assert query(server.url, SCRATCHES) == []
    assert query(existing, "SELECT to_regclass('_yoyo_migration')") == [(None,)]


@pytest.mark.promise
@needs("CREATEDB")
def test_what_a_killed_baseline_left_is_dropped_by_a_later_one_once_nobody_is_in_it(
    server: local.Server, existing: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(database_url=existing, environment="test", migrations=files)
    with building(server, existing, files) as runner:
        ((left,),) = query(server.url, SCRATCHES)
        monkeypatch.setattr(scratch, "GRACE", -1)
        write(files, **FILES)
        assert baseline(settings, Heard(), "3").comparison.lacking == ()
        assert query(server.url, SCRATCHES) == [(left,)]
        runner.kill()
        runner.communicate(timeout=PATIENCE)
        wait_for(
            lambda: not query(server.url, "SELECT pid FROM pg_stat_activity WHERE datname = %s", [left]),
            "it is gone",
        )
    query(existing, "DELETE FROM _yoyo_migration")
    baseline(settings, Heard(), "3")
    assert query(server.url, SCRATCHES) == []


@needs("CREATEDB")
def test_a_young_scratch_database_and_what_only_looks_like_one_are_left_alone(
    server: local.Server, existing: str, files: Path
) -> None:
    ((now,),) = query(server.url, "SELECT extract(epoch FROM now())::bigint")
    old, young = f"sqlrail_scratch_{now - 301}_0123abcd", f"sqlrail_scratch_{now - 60}_0123abcd"
    alike = ["sqlrail_scratch_mine", f"sqlrail_scratch_{now - 301}_0123abcd_more", f"my_{old}"]
    try:
        for name in (old, young, *alike):
            query(server.url, f"CREATE DATABASE {name}")
        baseline(Settings(database_url=existing, environment="test", migrations=files), Heard(), "3")
        there = {name for (name,) in query(server.url, "SELECT datname FROM pg_database")}
        assert {old, young, *alike} & there == {young, *alike}
    finally:
        for name in (old, young, *alike):
            query(server.url, f"DROP DATABASE IF EXISTS {name}")


@needs("CREATEDB")
def test_a_scratch_database_is_empty_on_the_same_server_and_goes_whatever_happens_in_it(
    server: local.Server, existing: str, connect: Connect
) -> None:
    def fail(there: str | None) -> None:
        (tables,) = connect(there).execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        )
        assert (tables, len(query(server.url, SCRATCHES))) == ((0,), 1)
        raise ZeroDivisionError

    settings = Settings(database_url=existing)
    with pytest.raises(ZeroDivisionError), scratch.scratch(settings, Heard()) as there:
        fail(there.database_url)
    assert query(server.url, SCRATCHES) == []


def test_an_interruption_of_the_dropping_itself_leaves_nothing_behind(
    server: local.Server, existing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop, interruptions = scratch._drop_now, [Interrupted(signal.SIGINT)]

    def drop_now(settings: Settings, name: str) -> None:
        if interruptions:
            raise interruptions.pop()
        drop(settings, name)

    monkeypatch.setattr(scratch, "_drop_now", drop_now)
    with pytest.raises(Interrupted), scratch.scratch(Settings(database_url=existing), Heard()):
        assert len(query(server.url, SCRATCHES)) == 1
    assert query(server.url, SCRATCHES) == []


def test_nobody_else_comes_into_a_scratch_database(
    existing: str, scratch_role: str, connect: Connect
) -> None:
    with scratch.scratch(Settings(database_url=existing), Heard()) as there:
        assert there.database_url is not None
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            connect(there.database_url, user="modest")
    assert scratch_role


@needs("CREATEDB")
def test_a_backend_that_dies_while_the_files_are_built_leaves_no_record_and_no_scratch(
    server: local.Server, existing: str, files: Path
) -> None:
    with building(server, existing, files) as runner, watching(server, existing):
        query(
            server.url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        )
        started = time.monotonic()
        out, talk = runner.communicate(timeout=PATIENCE)
        assert time.monotonic() - started < 30
    assert (runner.returncode, out) == (1, "")
    assert "the connection was lost" in talk, talk
    assert query(existing, "SELECT to_regclass('_yoyo_migration')") == [(None,)]


@pytest.mark.parametrize("text", ["SELECT 1;\n", "CREATE TABLE x (); DROP TABLE x;\n", "-- nothing\n"])
def test_files_that_build_nothing_prove_nothing(database: str, tmp_path: Path, text: str) -> None:
    query(database, "CREATE TABLE users ()")
    write(tmp_path / "files", **{"001_a": text})
    told = Settings(database_url=database, migrations=tmp_path / "files")
    with pytest.raises(Refused, match="They build nothing that could be found in it"):
        baseline(told, Heard(), "001")
    assert read(database).records == []
    baseline(told, Heard(), "001", accept_differences=True)
    assert read(database).records == ["001_a"]
