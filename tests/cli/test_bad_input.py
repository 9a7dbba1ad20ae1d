"""Whatever is wrong: one clear message, the right exit code, no traceback, and a database that is as it was."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import console
import pytest
from conftest import fresh_database, open_folder, query
from console import Outcome, Sqlrail, catalog, foreign, put

from sqlrail.server import local

sqlrail = console.sqlrail

GOOD = {"migrations/001_good.sql": "CREATE TABLE parent (id int PRIMARY KEY, name text UNIQUE);\n"}
#: a password, and pieces that a wrong way of writing it would cut it into
PASSWORD = "Pa55/zorq"  # noqa: S105
DURATION = "write a number with its unit, as in 500ms, 5s or 10min."
SHARE = "write a share between 0 and 1, as in 0.1 or 10%."
COUNT = "write a whole number, 0 or more."
ENVIRONMENTS = "use one of development, test, staging, production."
UNPARSED = (
    "DATABASE_URL cannot be parsed. In the user name and the password write % as %25, @ as %40, : as %3A, / as %2F, "
    "? as %3F, # as %23 and a space as %20; the port is a number; parameters behind the ? are libpq's."
)
TOO_MANY = (
    "DATABASE_URL has an @ too many: in the user name and the password write @ as %40, / as %2F, : as %3A."
)
SCHEME = "DATABASE_URL must begin with postgresql:// or postgres://"
PORT = "port in DATABASE_URL is wrong: a port is a number from 1 to 65535."
LIBPQ = {"DATABASE_URL": "-", "PGHOST": "h"}
HELP = "See `sqlrail --help`."
NO_RELATION = "is not of the form child.column -> parent.key or child.(a, b) -> parent.(x, y)."
NO_KIND = (
    "is not of the form child.column -> parent.key, child.(a, b) -> parent.(x, y), table.column not null, "
    "table.column unique or table check name."
)
OWN_TRANSACTION = (
    "is not for the file to say: the runner begins and ends its transaction. Remove it; where statements have to "
    "commit on their own, begin the file with `-- transactional: false`."
)

TOO_LATE_FOR_ISOLATION = (
    "PostgreSQL takes another isolation level before the first query only, and the runner's come first. Remove it; "
    "LOCK TABLE keeps others from writing meanwhile."
)


class Case(NamedTuple):
    id: str
    message: str  # <any> stands for anything
    args: str = "migrate"
    env: Mapping[str, str] = {}
    files: Mapping[str, str | bytes] = {}
    code: int = 2


def url(text: str, message: str, id_: str, code: int = 2) -> Case:
    return Case(id_, message, "status", {"DATABASE_URL": text}, code=code)


def flag(args: str, message: str, id_: str | None = None) -> Case:
    return Case(id_ or args, message, args)


def setting(name: str, value: str, message: str) -> Case:
    return Case(f"{name}={value}", message, env={name: value})


def file(id_: str, content: str | bytes, message: str) -> Case:
    return Case(id_, f"migrations/007_x.sql:{message}", files={"migrations/007_x.sql": content})


USAGE = [
    flag("", f"the following arguments are required: VERB. {HELP}", "no verb"),
    flag("frobnicate", f"argument VERB: invalid choice: 'frobnicate' (choose from <any>). {HELP}"),
    *(
        flag(
            word, f"argument VERB: invalid choice: '{word}' (choose from <any>); did you mean {verb}? {HELP}"
        )
        for word, verb in (
            ("up", "migrate"),
            ("down", "rollback"),
            ("info", "status"),
            ("makemigrations", "new"),
        )
    ),
    flag("migrate 002", f"'002' is one word too many; did you mean --to 002? {HELP}"),
    flag("status 002", f"'002' is one word too many. {HELP}"),
    flag("status --frob", f"there is no flag --frob. {HELP}"),
    flag("status --frob=1", f"there is no flag --frob. {HELP}"),
    flag("status extra", f"'extra' is one word too many. {HELP}"),
    flag("status --mig x", f"there is no flag --mig. {HELP}", "abbreviation behind the verb"),
    flag(
        "--verb status",
        f"there is no flag --verb; did you mean --verbose? {HELP}",
        "abbreviation before the verb",
    ),
    flag("status --relation x", f"there is no flag --relation. {HELP}", "another verb's flag"),
    flag(
        "status --migrations",
        "argument --migrations: expected one argument. See `sqlrail status --help`.",
        "a flag without its value",
    ),
    flag(
        "stamp dev",
        "argument environment: invalid choice: 'dev' (choose from <any>). See `sqlrail stamp --help`.",
    ),
    flag("cleanup --relation a.b", f"--relation: 'a.b' {NO_KIND}"),
    *(
        flag(f"migrate --lock-wait={text}", f"--lock-wait is '{text}': {DURATION}")
        for text in ("5", "-1s", "1e9h", "nan", "inf", "", "5S", "\u0665s", "s", "5s;")
    ),
    flag(
        "migrate --lock-wait=597h",
        "--lock-wait is '597h': the longest duration that PostgreSQL takes is 596h.",
    ),
    *(
        flag(f"cleanup --max-share={text}", f"--max-share is '{text}': {SHARE}")
        for text in ("2", "101%", "-0.1", "nan", "%", "")
    ),
    *(
        flag(f"cleanup --max-rows={text}", f"--max-rows is '{text}': {COUNT}")
        for text in ("-1", "1.5", "1_000", "x", "", "9999999999999999999")
    ),
    flag("status --database-url=", "--database-url is empty: give it a URL, or unset it."),
    flag("status --migrations=", "--migrations is '': name a folder."),
    flag("status --env-file=nowhere", "--env-file: there is no file 'nowhere'."),
    flag("status --env-file=migrations", "--env-file: there is no file 'migrations'."),
    flag("status --env-file=", "--env-file: there is no file ''."),
]

SETTINGS = [
    setting("SQLRAIL_ENV", "prod", f"SQLRAIL_ENV is 'prod': {ENVIRONMENTS}"),
    setting("SQLRAIL_ENV", "", f"SQLRAIL_ENV is '': {ENVIRONMENTS}"),
    setting("SQLRAIL_INTERRUPTED", "done", "SQLRAIL_INTERRUPTED is not a setting, for it would hold for later "
            "statements too: say --interrupted in the run that it is for."),
    setting("SQLRAIL_LOCK_WAIT", "5", f"SQLRAIL_LOCK_WAIT is '5': {DURATION}"),
    setting("SQLRAIL_LOCK_WAIT", "", f"SQLRAIL_LOCK_WAIT is '': {DURATION}"),
    setting("SQLRAIL_EMBEDDED", "maybe", "SQLRAIL_EMBEDDED is 'maybe': write 1 or 0."),
    setting("SQLRAIL_LOCKWAIT", "5s",
            "SQLRAIL_LOCKWAIT is not a setting; did you mean SQLRAIL_LOCK_WAIT? There are: SQLRAIL_ENV, <any>."),
    Case(
        "several at once",
        "SQLRAIL_FOO is not a setting. <any>\n"
        f"SQLRAIL_ENV is 'x': {ENVIRONMENTS}\n"
        f"SQLRAIL_LOCK_WAIT is '5': {DURATION}\n"
        f"SQLRAIL_MAX_SHARE is '3': {SHARE}\n"
        "DATABASE_URL is empty: give it a URL, or unset it.",
        env={
            "SQLRAIL_ENV": "x", "SQLRAIL_FOO": "1", "SQLRAIL_LOCK_WAIT": "5", "SQLRAIL_MAX_SHARE": "3",
            "DATABASE_URL": "",
        },
    ),
    Case(
        ".env with a line that is none",
        ".env:3: not a line of the form NAME=value.",
        files={".env": "# why\n\nAPP_ENV development\n"},
    ),
    Case(
        ".env with a quote that never ends",
        ".env:2: not a line of the form NAME=value.",
        files={".env": "X=1\nY='abc\n"},
    ),
    Case(".env not UTF-8", ".env cannot be read: it is not UTF-8.", files={".env": b"X=\xff\n"}),
    Case(".env with a NUL", ".env:1: a NUL byte cannot be in a setting.", files={".env": b"PGUSER=a\0b\n"}),
    Case("a wrong value from .env", f"SQLRAIL_ENV is 'x': {ENVIRONMENTS}", files={".env": "SQLRAIL_ENV=x\n"}),
    Case("no database", "no database is named: `export DATABASE_URL=postgresql://user@host:5432/name`, or, for the "
         "embedded server, `export SQLRAIL_ENV=development`.", env={"DATABASE_URL": "-"}),
    *(
        Case(f"no database in {name}", "no database is named, and the embedded server does not stand in where APP_ENV "
             f"is {name}: `export DATABASE_URL=postgresql://user@host:5432/name`.",
             env={"DATABASE_URL": "-", "APP_ENV": name, "SQLRAIL_EMBEDDED": "1"})
        for name in ("production", "staging")
    ),
    Case("PGPORT", "PGPORT is wrong: a port is a number from 1 to 65535.", env={**LIBPQ, "PGPORT": "x"}),
    Case("PGSSLMODE", "PGSSLMODE is 'x': use one of disable, <any>.", env={**LIBPQ, "PGSSLMODE": "x"}),
    Case("PGCONNECT_TIMEOUT", "PGCONNECT_TIMEOUT is 'x': write whole seconds.",
         env={**LIBPQ, "PGCONNECT_TIMEOUT": "x"}),
]  # fmt: skip

URLS = [
    url("", "DATABASE_URL is empty: give it a URL, or unset it.", "empty URL"),
    url(" ", "DATABASE_URL is empty: give it a URL, or unset it.", "blank"),
    url(f"mysql://u:{PASSWORD}@h/d", f"{SCHEME}, not mysql://.", "mysql"),
    url(f"jdbc:mysql://u:{PASSWORD}@h/d", f"{SCHEME}, not jdbc:mysql://.", "JDBC of another database"),
    url(f"mysql+psycopg://u:{PASSWORD}@h/d", f"{SCHEME}, not mysql+psycopg://.", "SQLAlchemy's of another database"),
    url(f"u:{PASSWORD}@h/d", f"{SCHEME}.", "no scheme"),
    url("host=h pasword=Pa55zorq",
        "DATABASE_URL has a parameter that libpq does not know: pasword.", "a typo in a key/value string"),
    url("host=h dbnam=app", "DATABASE_URL has a parameter that libpq does not know: dbnam.", "another one"),
    url("host='h password=Pa55zorq", "DATABASE_URL cannot be parsed: <any>", "a quote that never closes"),
    url("postgresql://u:Pa55@zorq@h/d", TOO_MANY, "@ in the password"),
    url("postgresql://u:Pa55/zorq@h/d", TOO_MANY, "slash in the password"),
    url("postgresql://u:Pa55%zorq@h/d", UNPARSED, "percent sign in the password"),
    url("postgresql://u:Pa55 zorq@h/d", UNPARSED, "space in the password"),
    url("postgresql://u:Pa55zorq@[::1/d", UNPARSED, "bracket that never closes"),
    url("postgresql://u:Pa55zorq", PORT, "no host, and the password in the port's place"),
    url("postgresql://u@h:Pa55zorq/d", PORT, "the password behind the host"),
    url("postgresql://u:Pa55zorq@h:abc/d", PORT, "port of letters"),
    url("postgresql://u:Pa55zorq@h:99999/d", PORT, "port out of range"),
    url("postgresql://u:Pa55zorq@h:0/d", PORT, "port 0"),
    url("postgresql://u:Pa55zorq@h:¹/d", PORT, "port of a digit that is none"),
    url("postgresql://u:Pa55zorq@h/d?pgbouncer=true&shcema=x",
        "DATABASE_URL has a parameter that libpq does not know: shcema.", "unknown parameter"),
    url("postgresql://u@h/d?password=Pa55&zorq=1", UNPARSED, "& in the password"),
    url("postgresql://u@h/d?sslmode=a?password=Pa55zorq", UNPARSED, "a second question mark"),
    url("postgresql://u:Pa55zorq@h/d?sslmode=maybe",
        "sslmode in DATABASE_URL is 'maybe': use one of disable, <any>.", "bad sslmode"),
    url("postgresql://u:Pa55zorq@h/d?connect_timeout=soon",
        "connect_timeout in DATABASE_URL is 'soon': write whole seconds.", "bad connect_timeout"),
    url("postgresql://u:Pa55zorq@h/d\n",
        "DATABASE_URL has a blank or a line end before or after it: remove that.", "line end"),
]  # fmt: skip

UNREACHABLE = [
    url("postgresql://u:Pa55zorq@localhost:1/d",
        "cannot connect to u@localhost:1/d: nothing listens there (<any>refused). Start the server, or check host and "
        "port. `status --wait 60s` waits for it.",
        "refused", 1),
    # What RFC 6761 promises never to exist.
    url("postgresql://u:Pa55zorq@no-such-host.invalid/d",
        "cannot connect to u@no-such-host.invalid:5432/d: <any>no-such-host.invalid<any>", "unknown host", 1),
    url("postgresql://u:Pa55zorq@/d?host=/nowhere", "cannot connect to u@/nowhere:5432/d: <any>", "no socket", 1),
    url("postgresql://u:Pa55#zorq@localhost:1/d", "cannot connect to u@localhost:1/d: <any>", "# is taken", 1),
    url("postgresql://u:Pa55?zorq@localhost:1/d", "cannot connect to u@localhost:1/d: <any>", "? is taken", 1),
    url("postgresql://u:Pa55:zorq@localhost:1/d", "cannot connect to u@localhost:1/d: <any>", ": is taken", 1),
    url("postgresql://u:Pa55zorq@localhost:1,localhost:2/d",
        "cannot connect to u@localhost,localhost:1,2/d: <any>", "all of several hosts", 1),
    Case("no such service", 'cannot connect to service nowhere: <any>"nowhere"<any> Check what PGHOST and so on says, '
         "and that the server runs.", "status", {"DATABASE_URL": "-", "PGSERVICE": "nowhere"}, code=1),
]  # fmt: skip

NO_FOLDER = (
    "there is migrations: name it with `--migrations migrations`, take it over with `adopt migrations`, or make it, "
    "and the first file, with `new NAME`."
)
FOLDERS = [
    Case("no folder", f"there is no folder none; {NO_FOLDER}",
         "status --migrations none"),
    Case("a file instead of a folder", f"there is no folder f; {NO_FOLDER}",
         "migrate --migrations f", files={"f": "SELECT 1"}),
    Case("empty folder", "empty holds no migration; make the first with `new NAME`.",
         "migrate --migrations empty", files={"empty/README": ""}),
    Case("Python migration", "migrations/002_b.py: only .sql files are run; move it away, or rewrite it in SQL.",
         files={"migrations/002_b.py": "steps = []"}),
    Case("circle", "migrations: what they say they depend on runs in a circle: 002_b, 003_c.",
         files={"migrations/002_b.sql": "-- depends: 003_c\nSELECT 1",
                "migrations/003_c.sql": "-- depends: 002_b\nSELECT 1"}),
    Case("depends on itself", "migrations: what they say they depend on runs in a circle: 002_b.",
         files={"migrations/002_b.sql": "-- depends: 002_b\nSELECT 1"}),
    Case("depends on nobody", "migrations/002_b.sql: it depends on 000_x, and there is no such migration beside it.",
         files={"migrations/002_b.sql": "-- depends: 000_x\nSELECT 1"}),
    Case("name not UTF-8", "migrations: the name '002_\\udcff' is not UTF-8; rename that file.",
         files={"migrations/002_\udcff.sql": "SELECT 1"}),
    Case("no relation to clean",
         "no migration in migrations declares a relation, and the database has no foreign key that is not validated: "
         "add `-- cleanup: child.column -> parent.key` to a migration, or name one with --relation 'child.column -> "
         "parent.key', or take every key's with --all.", "cleanup", code=3),
]  # fmt: skip

NO_LOSS = "write what is lost, and why, as in `-- loses: users.legacy because …`."

FILES = [
    file("unknown directive", "-- Why\n-- clean-up: a.b -> c.d\nSELECT 1",
         "2:1: this looks like a directive, but is not one: write `-- cleanup: …`, or word the comment otherwise."),
    file("malformed cleanup", "-- cleanup: a -> b\nSELECT 1",
         f"1:1: cleanup: 'a -> b' {NO_RELATION}"),
    file("cleanup of nothing", "-- cleanup:\nSELECT 1",
         f"1:1: cleanup: '' {NO_KIND}"),
    file("bare timeout", "\n-- lock-timeout: 5\nSELECT 1", f"2:1: lock-timeout: {DURATION}"),
    file("negative timeout", "-- statement-timeout: -1s\nSELECT 1", f"1:1: statement-timeout: {DURATION}"),
    file("endless timeout", "-- statement-timeout: 1e9h\nSELECT 1", f"1:1: statement-timeout: {DURATION}"),
    file("transactional: maybe", "-- transactional: maybe\nSELECT 1",
         "1:1: transactional: 'maybe' is neither true nor false."),
    file("loss without a reason", "\n-- loses: users.legacy\nSELECT 1",
         "2:1: loses: say why, as in `-- loses: users.legacy because …`."),
    file("loss with an empty reason", "-- loses: \"Users\" because \nSELECT 1",
         '1:1: loses: say why, as in `-- loses: "Users" because …`.'),
    *(
        file(f"loss of {what}", f"-- loses: {what} because of it\nSELECT 1", f"1:1: loses: {NO_LOSS}")
        for what in ("all rows", "a.b.c.d", "users.", "", "a, b")
    ),
    file("misspelt loss", "-- losses: users because they are gone\nSELECT 1",
         "1:1: this looks like a directive, but is not one: write `-- loses: …`, or word the comment otherwise."),
    file("misplaced loss", "SELECT 1;\n-- loses: users because they are gone\nSELECT 2",
         "2:1: a directive counts only at the head of the file, in lines that begin with --, before anything else: "
         "put `-- loses: …` there, or write it otherwise."),
    file("NUL", b"SELECT 1;\0DROP TABLE a;", "1:10: PostgreSQL would read no further than this NUL byte; remove it."),
    *(
        file(id_, text, "1:1: the file holds no statement: write one, or take it away, `rm migrations/007_x.sql`.")
        for id_, text in (("empty", ""), ("blanks", " \n\t\r\n"), ("only semicolons", " ;\n;"))
    ),
    file("Latin-1", b"SELECT 'caf\xe9'", "1:12: byte 0xe9 is not UTF-8; save the file as UTF-8."),
    *(
        file(words, f"SELECT 'é';  {words};\n", f"1:14: {' '.join(words.split()[:kept])} {OWN_TRANSACTION}")
        for words, kept in (
            ("BEGIN", 1), ("COMMIT", 1), ("ROLLBACK", 1), ("END", 1), ("ABORT", 1), ("START TRANSACTION", 2),
            ("COMMIT AND CHAIN", 1), ("BEGIN ISOLATION LEVEL SERIALIZABLE", 1), ("PREPARE TRANSACTION 'x'", 2),
        )
    ),
    *(
        file(words, f"SELECT 'é';  {words};\n", f"1:14: {TOO_LATE_FOR_ISOLATION}")
        for words in (
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "set transaction\tisolation level repeatable read",
            "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED", "SET LOCAL transaction_isolation TO 'serializable'",
            "SET transaction_isolation = serializable",
        )
    ),
    file("psql's command", "SELECT 1;\n  \\d parent\n",
         "2:3: \\d is a command of psql, which PostgreSQL does not know; remove it."),
    file("string", "SELECT 1;\nSELECT 'é, it''s", "2:8: this string is never closed."),
    file("escape string", "SELECT E'abc\\'", "1:8: this string is never closed."),
    file("quoted name", 'SELECT "a', "1:8: this quoted name is never closed."),
    file("comment", "SELECT 1; /* /* */",
         "1:11: this comment (they nest: each /* needs a */ of its own) is never closed."),
    file("dollar quote", "SELECT 1;\nDO $a$ BEGIN END $$;", "2:4: this dollar-quoted string is never closed."),
]  # fmt: skip


@pytest.fixture(scope="module")
def untouched(server: local.Server) -> Iterator[str]:
    """A database with a table in it; nothing that asks for it may change it."""
    with fresh_database(server) as address:
        query(address, "CREATE TABLE precious (id int PRIMARY KEY)")
        yield address


def fits(pattern: str, message: str) -> bool:
    return bool(re.fullmatch(".*".join(map(re.escape, pattern.split("<any>"))), message, re.DOTALL))


def says(outcome: Outcome, case: Case) -> None:
    assert fits(case.message, outcome.err.removesuffix("\n")), outcome.err
    assert (outcome.code, outcome.out) == (case.code, "")


def says_in_json(outcome: Outcome, case: Case) -> None:
    error = outcome.error
    assert fits(case.message, error["message"]), error["message"]
    assert (outcome.code, error["applied"]) == (case.code, [])
    assert outcome.err == ""


@pytest.mark.parametrize(
    "case", [*USAGE, *SETTINGS, *URLS, *UNREACHABLE, *FOLDERS, *FILES], ids=lambda case: case.id
)
def test_bad_input_is_one_clear_message_and_changes_nothing(
    case: Case, sqlrail: Sqlrail, untouched: str
) -> None:
    before = catalog(untouched)
    put({**GOOD, **case.files})
    env = {name: value for name, value in {"DATABASE_URL": untouched, **case.env}.items() if value != "-"}
    words = case.args.split()
    says(sqlrail(*words, env=env), case)
    says_in_json(sqlrail(*words, "--json", env=env), case)
    told = sqlrail("--verbose", *words, env=env)
    assert not re.search("Pa5|a55|zor|orq", told.out + told.err)
    assert catalog(untouched) == before


@pytest.mark.parametrize("role", ["no_such_role", "postgres"])
def test_an_unknown_role_or_database_is_named(role: str, sqlrail: Sqlrail, server: local.Server) -> None:
    put(GOOD)
    there = server.url.replace("/app?", "/nowhere?").replace("postgres@", f"{role}@")
    outcome = sqlrail("status", env={"DATABASE_URL": there})
    assert (outcome.code, outcome.out) == (1, "")
    missing = 'database "nowhere"' if role == "postgres" else f'role "{role}"'
    assert f"{missing} does not exist" in outcome.err
    assert len(outcome.err.splitlines()) == 1


WORKS: dict[str, tuple[str, Mapping[str, str | bytes]]] = {
    "folder m[1]": ("m[1]", {"m[1]/001_a.sql": "CREATE TABLE a ()"}),
    "folder with a space and a quote": ("it's here", {"it's here/001_a.sql": "CREATE TABLE a ()"}),
    "BOM": ("m", {"m/001_a.sql": b"\xef\xbb\xbfCREATE TABLE a ();"}),
    "CRLF": ("m", {"m/001_a.sql": b"-- lock-timeout: 5s\r\nCREATE TABLE a\r\n();\r\n"}),
    "per cent signs and braces": ("m", {"m/001_a.sql": "SELECT '%s %', '{x}'; CREATE TABLE a ();"}),
    "name with a quote, a percent sign and braces": ("m", {"m/001_it's {x} %s.sql": "CREATE TABLE a ()"}),
    "savepoints": ("m", {"m/001_a.sql": "SAVEPOINT x; ROLLBACK TO x; CREATE TABLE a ();"}),
    "the isolation level of the runner": (
        "m",
        {"m/001_a.sql": "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; CREATE TABLE a ();"},
    ),
    "another one in a transaction of the file's own": (
        "m",
        {
            "m/001_a.sql": "-- transactional: false\nBEGIN ISOLATION LEVEL SERIALIZABLE; "
            "CREATE TABLE a (); COMMIT;"
        },
    ),
    "a comment that looks like a URL": ("m", {"m/001_a.sql": "-- see https://x\nCREATE TABLE a ();"}),
    "a README beside": ("m", {"m/001_a.sql": "CREATE TABLE a ();", "m/README.md": "x"}),
    "a folder named .env": ("m", {"m/001_a.sql": "CREATE TABLE a ();", ".env/bin/python": ""}),
    "an empty APP_ENV": ("m", {"m/001_a.sql": "CREATE TABLE a ();", ".env": "APP_ENV=\n"}),
}


@pytest.mark.parametrize(("folder", "files"), WORKS.values(), ids=WORKS)
def test_what_only_looks_odd_works(
    folder: str, files: Mapping[str, str | bytes], sqlrail: Sqlrail, database: str
) -> None:
    put(files)
    outcome = sqlrail("migrate", "--migrations", folder, env={"DATABASE_URL": database})
    assert (outcome.code, outcome.err) == (0, "")
    assert query(database, "SELECT to_regclass('a') IS NOT NULL") == [(True,)]


@pytest.mark.parametrize("closed", ["migrations/007_x.sql", ".env"])
def test_a_file_without_read_rights_is_named(
    closed: str, sqlrail: Sqlrail, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_folder() as folder:
        monkeypatch.chdir(folder)
        put({**GOOD, closed: "X=1"})
        Path("migrations").chmod(0o755)
        Path(closed).chmod(0)
        before = catalog(database)
        as_root = os.geteuid() == 0
        if as_root:
            os.seteuid(65534)
        try:
            outcome = sqlrail("migrate", env={"DATABASE_URL": database})
        finally:
            if as_root:
                os.seteuid(0)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"{closed} cannot be read: Permission denied.\n"
    assert catalog(database) == before


def failing(id_: str, content: str | bytes, message: str, code: int = 1) -> Any:
    return pytest.param(content, message, code, id=id_)


#: what only PostgreSQL can find out; 001_good.sql made the table parent
FAILING = [
    failing("parse error", "-- é\nSELECT '😀é', FROM parent;", '2:14: syntax error at or near "FROM".'),
    failing("end of input", "CREATE TABLE", "1:13: syntax error at end of input."),
    failing("unknown table", "SELECT 'é'; SELECT * FROM nowhere;", '1:27: relation "nowhere" does not exist.'),
    failing("unknown column behind tabs", "\t\tSELECT nope;", '1:10: column "nope" does not exist.'),
    failing("behind a BOM", b"\xef\xbb\xbfSELECT nope;", '1:8: column "nope" does not exist.'),
    failing("behind CRLFs", "SELECT 1;\r\nSELECT\r\n nope;\r\n", '3:2: column "nope" does not exist.'),
    failing("unique violation", "INSERT INTO parent VALUES (1, 'é');\n  INSERT INTO parent VALUES (1, 'b');",
            '2:3: duplicate key value violates unique constraint "parent_pkey". Key (id)=(1) already exists.'),
    failing("division by zero", "SELECT 'é'; SELECT 1 / 0;", "1:13: division by zero."),
    failing("foreign key violation", "CREATE TABLE c (a int REFERENCES parent);\nINSERT INTO c VALUES (5);",
            '2:1: insert or update on table "c" violates foreign key constraint "c_a_fkey". Key (a)=(5) is not present '
            'in table "parent".'),
    failing("RAISE in a DO block", "SELECT 1;\nDO $$\nBEGIN\n  PERFORM 1;\n"
            "  RAISE EXCEPTION 'é no' USING HINT = 'Do x';\nEND $$;", "5:3: é no. Do x."),
    failing("EXECUTE in a DO block", "DO $do$\nBEGIN\n\n  EXECUTE 'SELECT nope';\nEND $do$;",
            '4:3: column "nope" does not exist.'),
    failing("DO whose body spells its line ends",
            "SELECT 1;\nDO E'BEGIN\\n\\n\\n\\nPERFORM 1 / 0;\\nEND';", "2:1: division by zero."),
    failing("DO with a quote in a comment before its body", "DO -- it's a comment\n\nLANGUAGE plpgsql $b$\nBEGIN\n"
            " PERFORM 1 / 0;\nEND $b$;", "5:2: division by zero."),
    failing("body of an SQL function",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n SELECT nope;\n$$;",
            '2:9: column "nope" does not exist.'),
    failing("body of a PL/pgSQL function", "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n"
            "  RETURN 1 +;\nEND $$;", "3:13: syntax error at end of input."),
    failing("a function that is called", "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n"
            "  RETURN 1 / 0;\nEND $$;\nSELECT f();", "5:1: division by zero."),
    failing("behind a rule that adds a statement", "CREATE TABLE r (i int);\n"
            "CREATE RULE x AS ON INSERT TO r DO ALSO SELECT 1;\nINSERT INTO r VALUES (1);\nSELECT 1 / 0;",
            "4:1: division by zero."),
    failing("deferred constraint", "CREATE TABLE c (a int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);\n"
            "INSERT INTO c VALUES (5);\nSELECT 1;\n",
            '3:10: at commit: insert or update on table "c" violates foreign key constraint "c_a_fkey". Key (a)=(5) is '
            'not present in table "parent".'),
    failing("not within a transaction", "CREATE INDEX CONCURRENTLY i ON parent (name);",
            "1:1: CREATE INDEX CONCURRENTLY cannot run inside a transaction block. It takes a file of its own, "
            "which begins with `-- transactional: false`."),
    failing("unknown role", "SELECT 1;\nSET ROLE nobody_at_all;", '2:1: role "nobody_at_all" does not exist.'),
    failing("guard",
            "SELECT 1;\nDO $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = 'SR001', HINT = 'Wait.'; END $$;",
            "2:1: not now. Wait.", 3),
]  # fmt: skip


@pytest.mark.parametrize(("content", "message", "code"), FAILING)
def test_a_failing_file_is_named_with_line_and_column_and_leaves_nothing(
    content: str | bytes, message: str, code: int, sqlrail: Sqlrail, database: str
) -> None:
    env = {"DATABASE_URL": database}
    put(GOOD)
    assert sqlrail("migrate", env=env).code == 0
    before, records = catalog(database), query(database, "SELECT * FROM _yoyo_log")
    put({"migrations/007_x.sql": content})
    expected = f"migrations/007_x.sql:{message} Nothing of 007_x was kept."
    plain = sqlrail("migrate", env=env)
    assert plain.err.startswith(expected)
    assert (plain.code, plain.out, len(plain.err.splitlines())) == (code, "", 1)
    error = sqlrail("migrate", "--json", env=env).error
    assert error["message"].startswith(expected)
    assert error["kind"] == ("refused" if code == 3 else "migration_failed")
    assert error["applied"] == []
    assert catalog(database) == before
    assert query(database, "SELECT * FROM _yoyo_log") == records
    assert query(database, "SELECT * FROM yoyo_lock") == []
    assert query(database, "SELECT * FROM parent") == []


def test_a_commit_hidden_behind_a_backslash_commits_nothing(sqlrail: Sqlrail, database: str) -> None:
    name = urlsplit(database).path[1:]
    query(database, f"ALTER DATABASE {name} SET standard_conforming_strings = off")
    assert query(database, r"SELECT '\\' = E'\\'") == [(True,)]  # two backslashes in either make one
    hidden = r"INSERT INTO half VALUES ('\''); COMMIT; SELECT ('' ); --'"
    put({"migrations/001_a.sql": f"CREATE TABLE half (t text);\n{hidden}\n; SELECT 1/0;\n"})
    outcome = sqlrail("migrate", env={"DATABASE_URL": database})
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("migrations/001_a.sql:3:1: syntax error")
    assert query(database, "SELECT to_regclass('half')") == [(None,)]
    assert query(database, "SELECT migration_id FROM _yoyo_migration") == []


def test_an_orphan_s_foreign_key_violation_names_the_way_out(sqlrail: Sqlrail, database: str) -> None:
    put(GOOD)
    put({"migrations/002_b.sql": "CREATE TABLE c (a int);\nINSERT INTO c VALUES (5);\n"
         "ALTER TABLE c ADD FOREIGN KEY (a) REFERENCES parent;"})  # fmt: skip
    outcome = sqlrail("migrate", env={"DATABASE_URL": database})
    assert outcome.code == 1
    assert "migrations/002_b.sql:3:1: " in outcome.err
    assert (
        "`-- cleanup: child.column -> parent.key` in the file's leading comment; then look with `plan`."
        in outcome.err
    )


@pytest.mark.parametrize("case", FILES, ids=lambda case: case.id)
def test_a_flaw_that_can_be_seen_beforehand_keeps_the_good_files_back_too(
    case: Case, sqlrail: Sqlrail, untouched: str
) -> None:
    before = catalog(untouched)
    put({**GOOD, **case.files, "migrations/009_later.sql": "CREATE TABLE later ()"})
    assert sqlrail("migrate", env={"DATABASE_URL": untouched}).code == 2
    assert catalog(untouched) == before


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ("SELECT 1 / 0;", 1),
        ("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'SR001'; END $$", 3),
    ],
    ids=["error", "guard"],
)
def test_what_was_committed_before_a_failure_stays_and_is_listed(
    bad: str, code: int, sqlrail: Sqlrail, database: str
) -> None:
    put({**GOOD, "migrations/002_b.sql": "CREATE TABLE b ()", "migrations/003_c.sql": f"CREATE TABLE c (); {bad}",
         "migrations/004_d.sql": "CREATE TABLE d ()"})  # fmt: skip
    outcome = sqlrail("migrate", "--json", env={"DATABASE_URL": database})
    assert (outcome.code, outcome.error["applied"]) == (code, ["001_good", "002_b"])
    left = {line.split()[2] for line in foreign(catalog(database)) if line.startswith("class")}
    assert left & {"parent", "b", "c", "d"} == {"parent", "b"}
    plain = sqlrail("migrate", env={"DATABASE_URL": database})
    assert (plain.code, plain.out) == (code, "")
    assert "Applied before that" not in plain.err


def test_a_failing_first_file_leaves_yoyo_s_tables_and_nothing_else(sqlrail: Sqlrail, database: str) -> None:
    before = catalog(database)
    put({"migrations/001_a.sql": "CREATE TABLE a (); SELECT 1 / 0;"})
    assert sqlrail("migrate", env={"DATABASE_URL": database, "APP_ENV": "test"}).code == 1
    assert foreign(catalog(database)) == before


def test_a_search_path_that_names_no_schema_is_an_error(sqlrail: Sqlrail, database: str) -> None:
    before = catalog(database)
    put(GOOD)
    env = {"DATABASE_URL": database, "PGOPTIONS": "-c search_path=nowhere"}
    outcome = sqlrail("migrate", env=env)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == (
        "the search_path names no schema that exists, so there is no place for yoyo's tables. Create the schema, or "
        "name another: ALTER ROLE ... SET search_path = ...\n"
    )
    assert catalog(database) == before
    assert sqlrail("status", env=env).code == 0


@pytest.mark.parametrize("first", ["pg_temp", "pg_catalog"])
def test_a_search_path_that_leads_to_the_server_s_own_schema_first_is_an_error(
    first: str, sqlrail: Sqlrail, any_database: str
) -> None:
    before = catalog(any_database)
    put(GOOD)
    outcome = sqlrail(
        "migrate", env={"DATABASE_URL": any_database, "PGOPTIONS": f"-c search_path={first},public"}
    )
    assert (outcome.code, outcome.out) == (1, "")
    assert re.search(rf"the search_path leads to {first}\w* first, so there is no place", outcome.err)
    assert catalog(any_database) == before
