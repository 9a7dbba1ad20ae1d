"""Where settings come from, that they reach libpq unharmed, and that no password comes out again."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import console
import psycopg
import pytest
from conftest import FAST, Connect, majors, query
from console import Sqlrail, put
from psycopg import sql
from psycopg.conninfo import make_conninfo
from servers import own_server
from waiting import wait_for

from sqlrail.errors import SettingsError
from sqlrail.ground.reading import read
from sqlrail.ground.settings import Settings
from sqlrail.ground.target import NAMING

sqlrail = console.sqlrail

MIGRATION = {"migrations/001_a.sql": "CREATE TABLE a (id int)"}
PASSWORDS = {
    "at": "Zor@Quux",
    "colon": "Zor:Quux",
    "slash": "Zor/Quux",
    "percent": "Zor%Quux",
    "percent and digits": "Zor%41Quux",
    "hash": "Zor#Quux",
    "question mark": "Zor?Quux",
    "ampersand and equals": "Zor&a=Quux",
    "space": "Zor Quux",
    "quotes and backslash": "Zor'\"\\Quux",
    "brackets": "[Zor]{Quux}$",
    "not ASCII": "Zör¶Quux",
    "all of them": " @:/%#?&=[]'Zor",
}


def settings(
    *, flags: Mapping[str, str | None] | None = None, environ: Mapping[str, str] | None = None, folder: Path
) -> Settings:
    return read({"database_url": "postgresql://flag/d", **(flags or {})}, {**(environ or {})}, folder)


@dataclass(frozen=True)
class Guarded:
    """A server that asks the role `hostile` for its password, and notes every statement."""

    url: str
    log: Path

    @property
    def sockets(self) -> str:
        return str(re.findall("host=([^&]*)", self.url)[0])

    def set_password(self, password: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SET log_statement = 'none'")
            connection.execute(sql.SQL("ALTER ROLE hostile PASSWORD {}").format(password))

    def with_password(self, password: str, scheme: str = "postgresql") -> str:
        return f"{scheme}://hostile:{quote(password, safe='')}@/app?host={self.sockets}"


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    if not majors():
        pytest.skip("no PostgreSQL server is installed")
    with own_server({**FAST, "log_statement": "all"}) as server:
        home = server.data.parent
        query(server.url, "CREATE ROLE hostile LOGIN")
        query(server.url, "GRANT ALL ON SCHEMA public TO hostile")
        rules = home / "pg_hba.conf"
        rules.write_text("local all hostile scram-sha-256\n" + rules.read_text())
        loaded = query(server.url, "SELECT pg_conf_load_time(), pg_reload_conf()")[0][0]
        wait_for(lambda: query(server.url, "SELECT pg_conf_load_time()") != [(loaded,)], "the rules are read")
        yield Guarded(server.url, home / "log")


# Precedence


def test_flags_go_before_the_environment_before_the_file_before_defaults(tmp_path: Path) -> None:
    assert settings(folder=tmp_path).lock_wait == 60
    put({".env": "SQLRAIL_LOCK_WAIT=1s\n"}, tmp_path)
    assert settings(folder=tmp_path).lock_wait == 1
    environ = {"SQLRAIL_LOCK_WAIT": "2s"}
    assert settings(environ=environ, folder=tmp_path).lock_wait == 2
    assert settings(flags={"lock_wait": "3s"}, environ=environ, folder=tmp_path).lock_wait == 3


def test_the_url_has_the_same_precedence(tmp_path: Path) -> None:
    named = {"PGHOST": "libpq"}
    assert read({}, dict(named), tmp_path).database_url is None
    put({".env": "DATABASE_URL=postgres://file/d\n"}, tmp_path)
    assert read({}, dict(named), tmp_path).database_url == "postgres://file/d"
    named["DATABASE_URL"] = "postgres://environment/d"
    assert read({}, dict(named), tmp_path).database_url == "postgres://environment/d"
    flags = {"database_url": "postgres://flag/d"}
    assert read(flags, dict(named), tmp_path).database_url == "postgres://flag/d"


def test_an_empty_flag_does_not_fall_through_to_another_database(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--database-url is empty"):
        read({"database_url": ""}, {"DATABASE_URL": "postgres://elsewhere/d"}, tmp_path)


@pytest.mark.parametrize("name", ["database_url", "against", "scratch"])
def test_a_password_in_place_of_the_port_is_told_without_it_whichever_url_it_is(
    name: str, tmp_path: Path
) -> None:
    # Where the host was forgotten, user:password reads as host:port.
    flags = {"database_url": "postgresql://h/d", name: "postgresql://postgres:hunter2pw/app"}
    with pytest.raises(SettingsError, match=f"port in --{name.replace('_', '-')} is wrong") as failed:
        read(flags, {}, tmp_path)
    assert "hunter2pw" not in str(failed.value)


def test_the_file_is_that_of_the_flag_where_one_is_given(tmp_path: Path) -> None:
    put({".env": "SQLRAIL_LOCK_WAIT=1s\n", "other": "SQLRAIL_LOCK_WAIT=2s\n"}, tmp_path)
    assert settings(flags={"env_file": str(tmp_path / "other")}, folder=tmp_path).lock_wait == 2


def test_the_file_is_not_looked_for_in_folders_above(tmp_path: Path) -> None:
    put({".env": "APP_ENV=nonsense\n", "below/x": ""}, tmp_path)
    assert settings(folder=tmp_path / "below").environment is None


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("DATABASE_URL=postgresql://u:$HOME@h/d", "postgresql://u:$HOME@h/d"),
        ("DATABASE_URL=postgresql://u:${HOME}@h/d", "postgresql://u:${HOME}@h/d"),
        ("DATABASE_URL='postgresql://u:$HOME#x@h/d'", "postgresql://u:$HOME#x@h/d"),
        ('DATABASE_URL="postgresql://u:a#b@h/d"', "postgresql://u:a#b@h/d"),
        ("DATABASE_URL=postgresql://u:a#b@h/d # a comment", "postgresql://u:a#b@h/d"),
        ("  export DATABASE_URL = postgresql://h/d  ", "postgresql://h/d"),
        ("\ufeffDATABASE_URL=postgresql://h/d\r\nAPP_ENV=test\r\n", "postgresql://h/d"),
    ],
    ids=["dollar", "braces", "quoted", "double quotes", "comment", "export and blanks", "BOM and CRLF"],
)
def test_values_of_the_file_are_taken_to_the_letter(line: str, value: str, tmp_path: Path) -> None:
    put({".env": line}, tmp_path)
    assert read({}, {"HOME": "/nowhere"}, tmp_path).database_url == value


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("500ms", 0.5), ("5s", 5), ("1.5s", 1.5), ("10min", 600), ("1h", 3600), ("596h", 2_145_600)],
)  # fmt: skip
def test_durations_carry_their_unit(text: str, seconds: float, tmp_path: Path) -> None:
    assert settings(flags={"lock_timeout": text}, folder=tmp_path).lock_timeout == seconds


@pytest.mark.parametrize(
    ("text", "share"), [("0", 0), ("0.1", 0.1), ("10%", 0.1), ("100%", 1), ("1e-1", 0.1)]
)
def test_shares_are_fractions_or_per_cent(text: str, share: float, tmp_path: Path) -> None:
    assert settings(flags={"max_share": text}, folder=tmp_path).max_share == share


@pytest.mark.parametrize(
    ("url", "environ", "timeout"),
    [
        ("postgresql://h/d", {}, 10),
        ("postgresql://h/d?connect_timeout=3", {}, None),
        ("postgresql://h/d", {"PGCONNECT_TIMEOUT": "3"}, None),
    ],
    ids=["default", "URL's", "libpq's"],
)
def test_no_connection_is_waited_for_without_end(
    url: str, environ: dict[str, str], timeout: int | None, tmp_path: Path
) -> None:
    assert settings(flags={"database_url": url}, environ=environ, folder=tmp_path).connect_timeout == timeout


def test_a_server_that_never_answers_is_given_up(sqlrail: Sqlrail) -> None:
    put(MIGRATION)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = f"postgresql://u:Zorquux@127.0.0.1:{port}/d?connect_timeout=2"
        outcome = sqlrail("status", env={"DATABASE_URL": url})
    assert outcome.code == 1
    assert outcome.err.startswith(f"cannot connect to u@127.0.0.1:{port}/d: ")
    assert "timeout" in outcome.err
    assert "Zorquux" not in outcome.err


@pytest.mark.parametrize(
    ("environment", "asked", "embedded"),
    [("development", "", True), ("test", "", True), (None, "1", True), ("development", "0", True)],
)
def test_the_embedded_server_stands_in_only_where_it_was_asked_for(
    environment: str | None, asked: str, embedded: bool, tmp_path: Path
) -> None:
    environ = {"SQLRAIL_EMBEDDED": asked} | ({"APP_ENV": environment} if environment else {})
    assert read({}, environ, tmp_path).embedded is embedded
    assert not read({}, {**environ, "PGDATABASE": "d"}, tmp_path).embedded
    assert not read({}, {**environ, "DATABASE_URL": "postgres://h/d"}, tmp_path).embedded


@pytest.mark.parametrize("name", ["LOGNAME", "USER"])
def test_a_user_s_name_that_is_not_utf_8_can_still_be_recorded(
    name: str, sqlrail: Sqlrail, database: str
) -> None:
    put(MIGRATION)
    assert sqlrail("migrate", env={"DATABASE_URL": database, name: "zo\udcff'"}).code == 0
    assert query(database, "SELECT DISTINCT username FROM _yoyo_log") == [("zo?'",)]


# On their way to libpq


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
@pytest.mark.parametrize("password", PASSWORDS.values(), ids=PASSWORDS)
def test_a_percent_encoded_password_logs_in(
    password: str, scheme: str, sqlrail: Sqlrail, guarded: Guarded
) -> None:
    put(MIGRATION)
    guarded.set_password(password)
    outcome = sqlrail("status", env={"DATABASE_URL": guarded.with_password(password, scheme)})
    assert (outcome.code, outcome.err) == (0, "")


@pytest.mark.parametrize("place", ["environment", ".env", "password file", "service", "service in .env"])
def test_libpq_s_own_ways_to_a_password_work(place: str, sqlrail: Sqlrail, guarded: Guarded) -> None:
    put(MIGRATION)
    guarded.set_password("Zor:Quux$HOME")
    folder = Path().absolute()
    env = {"PGHOST": local_path(guarded), "PGUSER": "hostile", "PGDATABASE": "app"}
    if place == "environment":
        env["PGPASSWORD"] = "Zor:Quux$HOME"
    elif place == ".env":
        put(
            {
                ".env": "".join(f"{name}={value}\n" for name, value in env.items())
                + "PGPASSWORD=Zor:Quux$HOME\n"
            }
        )
        env = {}
    elif place == "password file":
        put({"pass": "*:*:app:hostile:Zor\\:Quux$HOME\n"})
        Path("pass").chmod(0o600)
        env["PGPASSFILE"] = str(folder / "pass")
    else:
        lines = (f"{name[2:].lower().replace('database', 'dbname')}={value}" for name, value in env.items())
        put({"services": "\n".join(["[mine]", *lines, "password=Zor:Quux$HOME", ""])})
        env = {"PGSERVICE": "mine", "PGSERVICEFILE": str(folder / "services")}
        if place == "service in .env":
            put({".env": "".join(f"{name}={value}\n" for name, value in env.items())})
            env = {}
    outcome = sqlrail("status", env=env)
    assert (outcome.code, outcome.err) == (0, "")


def local_path(guarded: Guarded) -> str:
    return guarded.sockets.replace("%2F", "/")


def test_the_environment_s_database_goes_before_that_of_the_file(sqlrail: Sqlrail, database: str) -> None:
    host = re.findall("host=([^&]*)", database)[0].replace("%2F", "/")
    name = urlsplit(database).path[1:]
    put({**MIGRATION, ".env": "PGDATABASE=nowhere\nPGUSER=postgres\n"})
    assert sqlrail("migrate", env={"PGHOST": host, "PGDATABASE": name}).code == 0
    assert query(database, "SELECT to_regclass('a') IS NOT NULL") == [(True,)]
    assert 'database "nowhere" does not exist' in sqlrail("status", env={"PGHOST": host}).err
    assert "PGDATABASE" not in os.environ


@pytest.mark.parametrize("place", ["environment", "flag"])
def test_a_url_from_outside_is_not_led_elsewhere_by_the_file(place: str, tmp_path: Path) -> None:
    url = "postgres://outside/d"
    lines = [f"{name}=1" for name in NAMING]
    put({".env": "\n".join(["DATABASE_URL=postgres://file/d", "PGSSLMODE=require", *lines])}, tmp_path)
    environ = {"DATABASE_URL": url} if place == "environment" else {}
    before = dict(environ)
    told = read({"database_url": url} if place == "flag" else {}, environ, tmp_path)
    assert (told.database_url, environ) == (url, {**before, "PGSSLMODE": "require"})


def test_what_the_file_says_beside_its_own_url_holds(tmp_path: Path) -> None:
    put({".env": "DATABASE_URL=postgres://file/d\nPGHOSTADDR=192.0.2.1\n"}, tmp_path)
    environ: dict[str, str] = {}
    assert read({}, environ, tmp_path).database_url == "postgres://file/d"
    assert environ == {"PGHOSTADDR": "192.0.2.1"}


def test_the_file_s_address_does_not_lead_the_environment_s_url_away(sqlrail: Sqlrail, database: str) -> None:
    put({**MIGRATION, ".env": "PGHOSTADDR=127.0.0.1\nPGPORT=1\n"})
    assert sqlrail("migrate", env={"DATABASE_URL": database}).code == 0
    assert query(database, "SELECT to_regclass('a') IS NOT NULL") == [(True,)]


def test_nothing_meant_for_another_server_reaches_the_embedded_one(tmp_path: Path) -> None:
    put({".env": "PGSSLMODE=require\n"}, tmp_path)
    environ = {
        "APP_ENV": "development",
        "PGSSLROOTCERT": "nowhere.pem",
        "PGOPTIONS": "-c role=nobody",
        "X": "1",
    }
    assert read({}, environ, tmp_path).embedded
    assert environ == {"APP_ENV": "development", "X": "1"}


# And never out again


@pytest.mark.parametrize("flags", [(), ("--json",), ("--verbose",)], ids=["plain", "json", "verbose"])
@pytest.mark.parametrize("password", PASSWORDS.values(), ids=PASSWORDS)
def test_a_wrong_password_is_not_repeated(
    password: str, flags: tuple[str, ...], sqlrail: Sqlrail, guarded: Guarded
) -> None:
    put(MIGRATION)
    guarded.set_password("something else")
    outcome = sqlrail("status", *flags, env={"DATABASE_URL": guarded.with_password(password)})
    assert outcome.code == 1
    said = outcome.out + outcome.err
    assert "hostile@" in said
    assert "password authentication failed" in said
    assert not re.search("Zor|Quux|Z%F6r|Z%C3%B6r", said)
    assert ("Traceback" in said) == ("--verbose" in flags)


@pytest.mark.parametrize("place", ["DATABASE_URL", "--database-url", "PGPASSWORD", ".env"])
def test_a_bug_does_not_show_the_password(
    place: str, sqlrail: Sqlrail, guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(MIGRATION)
    url = guarded.with_password("Zor@Quux")

    def broken(*_: object) -> None:
        raise RuntimeError(f"{url} and Zor@Quux and Zor%40Quux")

    monkeypatch.setattr("sqlrail.verbs.apply.status", broken)
    flags = ("--database-url", url) if place == "--database-url" else ()
    env = {"DATABASE_URL": url} if place == "DATABASE_URL" else {}
    if place == "PGPASSWORD":
        env = {"PGHOST": "h", "PGPASSWORD": "Zor@Quux"}
        url = "nothing"
    if place == ".env":
        put({".env": f"DATABASE_URL={url}\n"})
    for more in ((), ("--json",), ("--verbose",)):
        outcome = sqlrail("status", *flags, *more, env=env)
        assert outcome.code == 1
        assert "this is a bug in sqlrail: RuntimeError" in outcome.out + outcome.err
        assert not re.search("Zor@Quux|Quux(?!@)", (outcome.out + outcome.err).replace("Zor%40Quux", ""))


def test_a_password_in_a_wrong_place_is_hidden(sqlrail: Sqlrail) -> None:
    for arguments in (
        ("status", "postgresql://u:Zorquux@h/d"),
        ("status", "--datbase-url=postgresql://u:Zor@quux@h/d"),
        ("status", "--password", "Zorquux"),
        ("status", "--password=Zorquux"),
        ("postgresql://u:Zorquux@h/d", "status"),
        ("status", "password=Zorquux"),
        ("status", "host=h password = Zorquux"),
        ("stamp", "password=Zorquux"),
        ("status", "--lock-wait", "host=h password=Zorquux"),
        ("status", "--env-file", "password=Zorquux"),
        ("status", "--database-url", "host=h password=Zorquux"),
    ):
        for more in ((), ("--json",), ("--verbose",)):
            outcome = sqlrail(*arguments, *more)
            assert outcome.code == 2
            assert not re.search("(?i)zor|quux", outcome.out + outcome.err)


def test_a_password_that_is_a_common_word_does_not_blot_out_the_message(sqlrail: Sqlrail) -> None:
    put(MIGRATION)
    outcome = sqlrail("status", env={"DATABASE_URL": "postgresql://u:migrations@localhost:1/my_migrations"})
    assert "u@localhost:1/my_migrations" in outcome.err


def test_a_password_reaches_neither_the_server_s_log_nor_its_activity(
    sqlrail: Sqlrail, guarded: Guarded, connect: Connect
) -> None:
    put({"migrations/001_a.sql": "CREATE TABLE seen AS SELECT application_name, query FROM pg_stat_activity"})
    guarded.set_password("Zor@Quux")
    env = {"DATABASE_URL": guarded.with_password("Zor@Quux"), "APP_ENV": "test"}
    assert sqlrail("migrate", env=env).code == 0
    guarded.set_password("another")
    assert sqlrail("migrate", env=env).code == 1
    seen = connect(guarded.url).execute("SELECT seen::text FROM seen").fetchall()
    assert "CREATE TABLE seen" in str(seen)
    assert "CREATE TABLE seen" in guarded.log.read_text()
    assert not re.search("Zor|Quux", str(seen) + guarded.log.read_text())


def test_a_password_among_the_flags_is_warned_about(sqlrail: Sqlrail, guarded: Guarded) -> None:
    put(MIGRATION)
    guarded.set_password("Zor@Quux")
    url = guarded.with_password("Zor@Quux")
    warning = (
        "warning: a password on the command line can be read in the process list; "
        "use DATABASE_URL or PGPASSFILE.\n"
    )
    assert sqlrail("status", "--database-url", url).err == warning
    assert sqlrail("status", "--json", "--database-url", url).err == warning
    assert sqlrail("status", env={"DATABASE_URL": url}).err == ""
    without = sqlrail(
        "status", "--database-url", url.replace(":Zor%40Quux", ""), env={"PGPASSWORD": "Zor@Quux"}
    )
    assert (without.code, without.err) == (0, "")


# As others write it


@pytest.mark.parametrize(
    ("given", "libpq", "said"),
    [
        ("postgresql+psycopg://u:p%40@h/d", "postgresql://u:p%40@h/d", "reads postgresql+psycopg:// as postgresql://"),
        ("postgres+asyncpg://h/d?ssl=require", "postgresql://h/d?sslmode=require",
         "reads postgres+asyncpg:// as postgresql://, ssl as sslmode"),
        ("postgis://h/d?conn_max_age=60&sslmode=require", "postgresql://h/d?sslmode=require",
         "reads postgis:// as postgresql:// and leaves out conn_max_age"),
        ("jdbc:postgresql://h:5433/d?user=u&currentSchema=a,b&prepareThreshold=0",
         "postgresql://h:5433/d?user=u&options=-c%20search_path%3Da%2Cb",
         "reads jdbc:postgresql:// as postgresql://, currentSchema as the search_path and leaves out prepareThreshold"),
        ("postgresql://h/d?ApplicationName=x", "postgresql://h/d?application_name=x",
         "reads ApplicationName as application_name"),
        ("postgresql://h/d?schema=My%20App&pgbouncer=true&connection_limit=1",
         "postgresql://h/d?options=-c%20search_path%3D%22My%5C%20App%22",
         "reads schema as the search_path and leaves out pgbouncer, connection_limit"),
        ("postgresql://h/d?options=-c%20role%3Dx&schema=public",
         "postgresql://h/d?options=-c%20role%3Dx%20-c%20search_path%3D%22public%22", "reads schema as the search_path"),
        ("postgresql://h/d?sslmode=require&sslaccept=strict", "postgresql://h/d?sslmode=require&sslmode=verify-full",
         "reads sslaccept as sslmode"),
        ("postgresql://h/d?sslmode=verify-full&sslaccept=accept_invalid_certs",
         "postgresql://h/d?sslmode=require&sslmode=verify-full", "reads sslaccept as sslmode"),
        ("jdbc:postgresql://h/d?sslmode=verify%2Dca&ssl=false", "postgresql://h/d?sslmode=disable&sslmode=verify%2Dca",
         "reads jdbc:postgresql:// as postgresql://, ssl as sslmode"),
        ("postgresql://h/d?sslmode=verify-full&ssl=true", "postgresql://h/d?ssl=true&sslmode=verify-full", None),
        ("postgres://h/d?sslmode=no-verify&x-migrations-table=m", "postgres://h/d?sslmode=require",
         "reads sslmode as sslmode and leaves out x-migrations-table"),
        ("postgresql://u:a?b@h/d?ssl=true", "postgresql://u:a?b@h/d?ssl=true", None),
        ("host=h dbname=d user=u password='it''s'", None, None),
        ("host=h dbname=d password='a b' sslmode=require", "host=h dbname=d password='a b' sslmode=require", None),
        ("dbname = d", "dbname = d", None),
    ],
)  # fmt: skip
def test_a_url_is_taken_as_other_libraries_write_it(
    given: str, libpq: str | None, said: str | None, tmp_path: Path
) -> None:
    if libpq is None:
        with pytest.raises(SettingsError, match="cannot be parsed"):
            read({}, {"DATABASE_URL": given}, tmp_path)
        return
    told = read({}, {"DATABASE_URL": given}, tmp_path)
    assert told.database_url == libpq
    assert told.notes == ((f"DATABASE_URL is another library's: this {said}",) if said else ())


@pytest.mark.parametrize("form", ["SQLAlchemy's", "Prisma's", "a key/value string", "JDBC's"])
def test_a_database_that_is_named_as_others_name_it_is_migrated(
    form: str, sqlrail: Sqlrail, database: str
) -> None:
    put(MIGRATION)
    query(database, 'CREATE SCHEMA "My App"')
    forms = {
        "SQLAlchemy's": database.replace("postgresql://", "postgresql+psycopg://"),
        "Prisma's": f"{database}&schema=My%20App&pgbouncer=true",
        "a key/value string": make_conninfo(database, application_name="x"),
        "JDBC's": f"jdbc:{database}&currentSchema=%22My%20App%22",
    }
    done = sqlrail("migrate", env={"DATABASE_URL": forms[form]})
    assert done.code == 0, done.err
    assert ("another library's" in done.err) == (form != "a key/value string")
    schema = "My App" if "schema" in forms[form].lower() else "public"
    assert query(database, "SELECT schemaname FROM pg_tables WHERE tablename = 'a'") == [(schema,)]


def test_a_password_in_a_key_value_string_is_not_repeated(sqlrail: Sqlrail, guarded: Guarded) -> None:
    put(MIGRATION)
    guarded.set_password("another")
    named = make_conninfo(guarded.with_password("Zor Quux'"), application_name="x")
    for more in ((), ("--json",), ("--verbose",)):
        outcome = sqlrail("status", *more, env={"DATABASE_URL": named})
        assert outcome.code == 1
        assert not re.search("Zor|Quux", outcome.out + outcome.err)


@pytest.mark.parametrize(
    ("environ", "name", "said"),
    [
        ({"APP_ENV": "prod"}, "production", "APP_ENV is prod"),
        ({"APP_ENV": "Production "}, "production", "APP_ENV is Production "),
        ({"APP_ENV": "local"}, "development", "APP_ENV is local"),
        ({"APP_ENV": "dev"}, "development", "APP_ENV is dev"),
        ({"APP_ENV": "testing"}, "test", "APP_ENV is testing"),
        ({"APP_ENV": "qa"}, None, "APP_ENV is qa"),
        ({"APP_ENV": "qa", "SQLRAIL_ENV": "test"}, "test", "SQLRAIL_ENV is test"),
        ({"APP_ENV": "development", "SQLRAIL_ENV": "production"}, "production", "SQLRAIL_ENV is production"),
        ({"APP_ENV": ""}, None, "APP_ENV is not set"),
    ],
)
def test_what_frameworks_call_an_environment_counts(
    environ: dict[str, str], name: str | None, said: str, tmp_path: Path
) -> None:
    told = settings(environ=environ, folder=tmp_path)
    assert (told.environment, told.environment_said) == (name, said)


@pytest.mark.parametrize("name", ["dev", "local", "testing", "Development", "qa", "prod"])
def test_a_name_of_a_framework_starts_no_embedded_server_by_itself(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no database is named"):
        read({}, {"APP_ENV": name}, tmp_path)
    asked = {"APP_ENV": name, "SQLRAIL_EMBEDDED": "1"}
    if name in ("qa", "prod"):
        with pytest.raises(SettingsError, match="does not stand in where APP_ENV is"):
            read({}, asked, tmp_path)
    else:
        assert read({}, asked, tmp_path).embedded
    assert read({}, {**asked, "SQLRAIL_ENV": "development"}, tmp_path).embedded
