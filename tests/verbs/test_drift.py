"""The verbs drift and schema: differences found, named and mended; nothing changed; and the schema as a file."""

from __future__ import annotations

import os
import random
import re
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aftermath import FIXTURES, attempt, read, write
from conftest import Servers, fresh_database, majors, query, with_contrib
from console import Outcome, Sqlrail, catalog, sqlrail
from listeners import Heard
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from samples import sample

from sqlrail.cli.render import drift as render
from sqlrail.errors import Interrupted
from sqlrail.ground.child import environment_for
from sqlrail.ground.settings import Settings
from sqlrail.schema.catalog import digests
from sqlrail.schema.catalog import read as read_catalog
from sqlrail.schema.compare import compare, outermost
from sqlrail.schema.mend import mend
from sqlrail.schema.objects import Catalog, Digests
from sqlrail.schema.sides import Choice
from sqlrail.server import local
from sqlrail.verbs.drift import FILES, Drift

__all__ = ["sqlrail"]  # the fixture

BASE, *_PARTS = re.split(r"^-- # ", (FIXTURES / "differences.sql").read_text(), flags=re.MULTILINE)
#: by name: what the summary says where it was done to the database, and what does it
DIFFERENCES = {
    name: (says, text)
    for name, says, text in (re.split(r"\n(?:-- > )?", part, maxsplit=2) for part in _PARTS)
}
SCRATCHES = "SELECT datname FROM pg_database WHERE datname ~ '^sqlrail_scratch'"
HOSTILE = 'Od"d %s\n\r; DROP TABLE keep; -- 日本'


class Bench:
    """A database with the base schema, which each single difference is made in and mended again."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        self.run(BASE)
        self.base, self.digests = self.read(), self.digest()

    def run(self, text: str) -> None:
        with self.connection.transaction():
            self.connection.execute(text.encode())

    def read(self) -> Catalog:
        found = read_catalog(self.connection, Settings())
        return found.without({it.key for it in found.of(["privilege"])})

    def digest(self) -> Digests:
        return digests(Settings(), self.connection, privileges=False)[0]

    def unlike(self) -> set[str]:
        """The wholes that are not as in the base."""
        return Choice().unlike(self.digests, self.digest())

    def mend(self, wanted: Catalog, there: Catalog) -> list[str]:
        """Runs what is printed, all of it in one transaction."""
        statements = [one.sql for one in mend(wanted, there, compare(wanted, there))]
        self.run(";\n".join(statements))
        return statements


@contextmanager
def bench(servers: Servers, major: int) -> Iterator[Bench]:
    with fresh_database(servers(major)) as url:
        one = Bench(url)
        with closing(one.connection):
            yield one


@pytest.fixture(scope="module")
def benches(servers: Servers) -> Iterator[dict[int, Bench]]:
    oldest, newest = min(with_contrib()), max(with_contrib())
    with bench(servers, oldest) as one, bench(servers, newest) as other:
        yield {oldest: one, newest: other}


def lines(wanted: Catalog, there: Catalog, **more: Any) -> list[str]:
    """The summary without its last two lines."""
    found = compare(wanted, there)
    text = render.text(Drift("here", more.get("words", FILES), tuple(outermost(found)), ()))
    return [line.strip() for line in text.splitlines()[:-2]]


@pytest.mark.parametrize(
    ("major", "name"),
    [
        pytest.param(major, name, id=f"pg{major}-{name}")
        for major in (min(with_contrib()), max(with_contrib()))
        for name in DIFFERENCES
        if major >= 18 or not name.endswith("since 18")
    ],
)
def test_a_difference_is_found_named_and_mended(major: int, name: str, benches: dict[int, Bench]) -> None:
    says, text = DIFFERENCES[name]
    one = benches[major]
    try:
        one.run(text)
        changed = one.read()
        summary = lines(one.base, changed)
        assert any(says in line for line in summary), summary
        found = [it.object for it in compare(one.base, changed)]
        unlike = one.unlike()
        assert {it.within or it.name for it in found if it.kind != "comment"} <= unlike
        assert unlike, summary
        assert compare(changed, changed) == []
        back = one.mend(one.base, changed)
        assert compare(one.base, one.read()) == [], back
        assert one.unlike() == set(), back
        if major == max(with_contrib()):  # the other way, as if the files had done it: once will do
            forth = one.mend(changed, one.base)
            assert compare(changed, one.read()) == [], forth
            one.mend(one.base, changed)
    except BaseException:
        one.run(
            "DROP SCHEMA IF EXISTS other, public CASCADE; CREATE SCHEMA public; DROP EXTENSION IF EXISTS btree_gist;"
            "DROP ACCESS METHOD IF EXISTS heap2 CASCADE; DROP EVENT TRIGGER IF EXISTS watch"
        )
        one.run(BASE)
        raise


@pytest.mark.promise
@pytest.mark.parametrize("seed", range(sample("DRIFTS", 5)))
def test_many_differences_at_once_are_mended_both_ways(seed: int, servers: Servers) -> None:
    names = random.Random(seed).sample(list(DIFFERENCES), 12)  # noqa: S311
    with bench(servers, max(majors())) as one:
        for name in names:
            with suppress(psycopg.Error):  # what is gone cannot be changed any more
                one.run(DIFFERENCES[name][1])
        changed = one.read()
        assert len(compare(one.base, changed)) > 5
        one.mend(one.base, changed)
        assert compare(one.base, one.read()) == [], names
        one.mend(changed, one.base)
        assert compare(changed, one.read()) == [], names


def test_there_are_sixty_differences_and_more() -> None:
    assert len(DIFFERENCES) >= 100


# What may be in a database


def build(url: str, text: str) -> Catalog:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(text.encode())
    return look(url)


def look(url: str, *, privileges: bool = False) -> Catalog:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        found = read_catalog(connection, Settings())
    return found if privileges else found.without({it.key for it in found.of(["privilege"])})


def script(wanted: Catalog, there: Catalog) -> str:
    return ";\n".join(one.sql for one in mend(wanted, there, compare(wanted, there)))


@pytest.fixture
def both(server: local.Server) -> Iterator[tuple[str, str]]:
    with fresh_database(server) as one, fresh_database(server) as other:
        yield one, other


@pytest.mark.parametrize("major", majors(), ids=lambda major: f"pg{major}")
def test_all_that_a_dump_knows_is_made_from_nothing_and_dropped_again(servers: Servers, major: int) -> None:
    # An operator is not made; the view that uses it is left out.
    everything = (
        (FIXTURES / "everything.sql").read_text().replace("{rows}", "9").replace(", 1 #@# 2 AS three", "")
    )
    with fresh_database(servers(major)) as one, fresh_database(servers(major)) as other:
        empty, wanted = look(other), build(one, everything)
        there = build(other, script(wanted, empty))
        assert {left.kind for left in compare(wanted, there)} <= {"other"}
        # Since 18 what says that a column is not null has a name, which children have from their parents.
        text = re.sub(r"CONSTRAINT \w+ NOT NULL", "NOT NULL", script(wanted, empty))
        assert compare(empty, build(other, script(empty, there))) == []
        first = _first.setdefault("text", text)
        assert text == first, "every server says the same"


_first: dict[str, str] = {}


def test_hostile_names_are_names(both: tuple[str, str]) -> None:
    one, other = both
    names = {"h": sql.Identifier(HOSTILE).as_string(), "l": sql.Literal(HOSTILE).as_string()}
    text = (FIXTURES / "hostile.sql").read_text().format(**names)
    keep = "CREATE TABLE keep (id int)"
    empty, wanted = build(other, keep), build(one, f"{keep};{text}")
    assert len(wanted.objects) > 30
    there = build(other, script(wanted, empty))
    assert compare(wanted, there) == []
    found = compare(empty, there)
    drift = Drift("here", FILES, tuple(outermost(found)), tuple(mend(empty, there, found)))
    # What would lose data is a comment, to its last line.
    build(other, drift.script(with_drops=False))
    left = look(other)
    assert [it.key for it in left.of(["table"])] == [it.key for it in there.of(["table"])]
    assert compare(empty, build(other, script(empty, left))) == []
    shown = render.text(drift)
    assert all(line.isprintable() for line in shown.splitlines())
    assert "\r" not in shown


def test_a_type_in_use_is_made_again_under_the_values_that_it_has(both: tuple[str, str]) -> None:
    there, wanted = both
    table = "CREATE TABLE t (m mood NOT NULL DEFAULT 'a', many mood[], CHECK (m <> 'b'));"
    table += "CREATE INDEX ON t (m) WHERE m = 'a';"
    view = "CREATE VIEW v AS SELECT m FROM t WHERE m = 'a'"
    build(there, f"CREATE TYPE mood AS ENUM ('b', 'a', 'old'); {table} {view}")
    query(there, "INSERT INTO t VALUES ('a', '{a,b}')")
    files = build(wanted, f"CREATE TYPE mood AS ENUM ('a', 'b'); {table} {view}")
    assert compare(files, build(there, script(files, look(there)))) == []
    assert query(there, "SELECT m::text, many::text FROM t") == [("a", "{a,b}")]


def test_a_column_that_gets_numbers_goes_on_behind_those_that_it_has(both: tuple[str, str]) -> None:
    there, wanted = both
    build(
        there, "CREATE TABLE a (id int NOT NULL); CREATE TABLE b (id int NOT NULL); INSERT INTO a VALUES (7)"
    )
    query(there, "INSERT INTO b VALUES (8); CREATE SEQUENCE old OWNED BY a.id")
    files = build(wanted, "CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY); CREATE TABLE b (id serial)")
    left = build(there, script(files, look(there).without({("sequence", "public.old")})))
    assert [one.object.name for one in outermost(compare(files, left))] == ["public.old"]
    for table in "ab":
        query(there, f"INSERT INTO {table} DEFAULT VALUES")
    assert query(there, "SELECT max(id), (SELECT max(id) FROM b) FROM a") == [(8, 9)]


def test_a_sequence_that_is_owned_again_does_not_go_back(both: tuple[str, str]) -> None:
    there, wanted = both
    build(
        there, "CREATE TABLE t (id serial); INSERT INTO t VALUES (3); ALTER SEQUENCE t_id_seq OWNED BY NONE"
    )
    query(there, "SELECT setval('t_id_seq', 9)")
    files = build(wanted, "CREATE TABLE t (id serial)")
    assert compare(files, build(there, script(files, look(there)))) == []
    assert query(there, "SELECT last_value FROM t_id_seq") == [(9,)]


def test_a_type_that_does_not_fit_the_rows_is_an_error_and_cuts_nothing_off(both: tuple[str, str]) -> None:
    there, wanted = both
    build(there, "CREATE TABLE t (a text); INSERT INTO t VALUES ('too long for it')")
    files = build(wanted, "CREATE TABLE t (a varchar(5))")
    with pytest.raises(psycopg.errors.StringDataRightTruncation):
        build(there, script(files, look(there)))
    assert query(there, "SELECT a FROM t") == [("too long for it",)]


def test_what_has_to_be_made_again_keeps_its_privileges(both: tuple[str, str], reader: str) -> None:
    there, wanted = both
    build(
        there,
        f"CREATE TABLE t (a int, b int); CREATE VIEW v AS SELECT a FROM t; GRANT SELECT ON v TO {reader}",
    )
    files = build(wanted, "CREATE TABLE t (a int, b int); CREATE VIEW v AS SELECT b, a FROM t")
    live = look(there, privileges=True)
    found = [one for one in compare(files, live) if one.kind != "privilege"]
    build(there, ";".join(one.sql for one in mend(files, live, found, keep_privileges=True)))
    assert compare(files, look(there)) == []
    assert query(there, f"SELECT has_table_privilege('{reader}', 'v', 'SELECT')") == [(True,)]


def test_privileges_are_compared_and_mended_where_that_is_asked_for(
    both: tuple[str, str], reader: str
) -> None:
    there, wanted = both
    tables = "CREATE TABLE t (a int, b int); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';"
    build(there, f"{tables} GRANT INSERT, SELECT ON t TO PUBLIC; GRANT UPDATE (b) ON t TO {reader}")
    build(
        wanted,
        f"{tables} GRANT SELECT ON t TO {reader} WITH GRANT OPTION; GRANT UPDATE (a) ON t TO {reader};"
        "REVOKE EXECUTE ON FUNCTION f FROM PUBLIC; CREATE VIEW v AS SELECT 1; GRANT SELECT ON v TO PUBLIC",
    )
    files = look(wanted, privileges=True)
    build(there, script(files, look(there, privileges=True)))
    assert compare(files, look(there, privileges=True)) == []


@pytest.fixture
def reader(server: local.Server) -> Iterator[str]:
    """A role without rights, for the whole server."""
    name = f"reader_{os.getpid()}"
    query(server.url, f"CREATE ROLE {name}")
    yield name
    for (database,) in query(server.url, "SELECT datname FROM pg_database WHERE datname ~ '^test_'"):
        query(server.url.replace("/app?", f"/{database}?"), f"DROP OWNED BY {name}")
    query(server.url, f"DROP ROLE {name}")


# The verb


FILES_ = {
    "001_users": "CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL,\n"
    "created_at timestamptz NOT NULL DEFAULT now());\n",
    "002_posts": "CREATE TABLE posts (id int PRIMARY KEY, user_id int REFERENCES users);\n",
    "003_later": "CREATE TABLE later (id int);\n",
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return write(tmp_path / "files", **FILES_)


@pytest.fixture
def call(sqlrail: Sqlrail, files: Path, server: local.Server) -> Iterator[Any]:
    """Calls the command line on the files in development; no scratch database stays."""

    def call(url: str, *flags: str, **env: str) -> Outcome:
        environment = {"DATABASE_URL": url, "APP_ENV": "development", **env}
        return sqlrail(*flags, "--migrations", str(files), env=environment)

    yield call
    assert query(server.url, SCRATCHES) == []


@pytest.fixture
def migrated(database: str, call: Any) -> str:
    assert call(database, "migrate", "--to", "2").code == 0
    return database


def test_a_database_that_the_files_built_has_no_difference(migrated: str, call: Any) -> None:
    done = call(migrated, "drift", "--check")
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(r"no difference between \S+ and what 2 files build, up to 002_posts\n", done.out)
    assert call(migrated, "drift", "--json").document == {
        "against": "the files", "built": ["001_users", "002_posts"], "differences": [], "statements": [],
        "by_hand": [], "sql": "-- " + done.out.strip(), "made": [],
    }  # fmt: skip


def test_a_difference_is_shown_table_by_table_and_changes_nothing(migrated: str, call: Any) -> None:
    query(migrated, "ALTER TABLE users ALTER created_at DROP NOT NULL, ADD COLUMN more int")
    query(migrated, "ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey")
    query(migrated, "CREATE TABLE t (id int PRIMARY KEY)")
    before = catalog(migrated), read(migrated)
    done = call(migrated, "drift", "--check")
    assert (done.code, done.err) == (4, "")
    assert done.out.splitlines()[:-2] == [
        "public.posts",
        "  constraint posts_user_id_fkey: the database lacks it",
        "public.t",
        "  table: the files do not build it",
        "public.users",
        "  created_at: files say not null, database says nullable",
        "  more: the files do not build it",
    ]
    assert call(migrated, "drift").code == 0
    document = call(migrated, "drift", "--json").document
    assert [(one["what"], one["kind"], one["name"]) for one in document["differences"]] == [
        ("lacking", "foreign key", "public.posts.posts_user_id_fkey"), ("extra", "table", "public.t"),
        ("changed", "column", "public.users.created_at"), ("extra", "column", "public.users.more"),
    ]  # fmt: skip
    assert document["differences"][2]["changes"] == [
        {"fact": "nullable", "wanted": "not null", "found": "nullable"}
    ]
    assert (catalog(migrated), read(migrated)) == before


def test_what_would_lose_data_is_a_comment_unless_asked_for(migrated: str, call: Any) -> None:
    query(
        migrated, "ALTER TABLE users ALTER created_at DROP NOT NULL, DROP COLUMN email, ADD COLUMN more int"
    )
    query(migrated, "CREATE TABLE t (id int PRIMARY KEY)")
    printed = call(migrated, "drift", "--print-sql").out
    assert "\n-- DROP TABLE public.t;\n" in printed
    assert "2 statements that would lose data, or go with those, are comments" in printed
    query(migrated, printed)
    left = call(migrated, "drift", "--json").document
    assert [(one["what"], one["name"]) for one in left["differences"]] == [
        ("extra", "public.t"), ("extra", "public.users.more")
    ]  # fmt: skip
    query(migrated, call(migrated, "drift", "--print-sql", "--with-drops").out)
    assert call(migrated, "drift", "--check").code == 0


def test_pending_files_count_where_that_is_asked_for(migrated: str, call: Any) -> None:
    done = call(migrated, "drift", "--pending")
    assert "public.later\n  table: the database lacks it\n1 difference between" in done.out


def test_files_that_were_edited_or_are_gone_are_named(migrated: str, call: Any, files: Path) -> None:
    write(files, **{"001_users": FILES_["001_users"].replace("email text", "email varchar")})
    (files / "002_posts.sql").unlink()
    done = call(migrated, "drift")
    assert "applied, and was edited since: today's content is built: 001_users" in done.err
    assert "applied, and has no file any more: 002_posts" in done.err
    assert "email: files say character varying, database says text" in done.out
    assert "public.posts\n  table: the files do not build it" in done.out


def test_files_that_do_not_build_are_an_error_with_its_place(migrated: str, call: Any, files: Path) -> None:
    write(files, **{"003_later": "CREATE TABLE later (\n  id nonsense);\n"})
    done = call(migrated, "drift", "--pending")
    assert (done.code, done.out) == (1, "")
    assert "the files do not build on a scratch database: " in done.err
    assert "003_later.sql:2:6" in done.err


def test_schemas_and_tables_are_chosen_or_left_out(migrated: str, call: Any) -> None:
    query(
        migrated,
        'CREATE SCHEMA "Other s"; CREATE TABLE "Other s".t (id serial); CREATE TABLE django_migrations (id serial)',
    )
    django = ["public.django_migrations", "public.django_migrations_id_seq"]
    for flags, tables in (
        ([], ['"Other s"', '"Other s".t', '"Other s".t_id_seq', *django]),
        (["--schema", "public"], django),
        (["--exclude-schema", "public", "--exclude-table", "t"], ['"Other s"']),
        (["--exclude-schema", "Other s", "--exclude-table", "x, public.django_migrations"], []),
    ):  # fmt: skip
        found = call(migrated, "drift", "--json", *flags).document["differences"]
        assert [one["name"] for one in found] == tables


def test_a_schema_that_is_nowhere_is_wrong_usage(migrated: str, call: Any) -> None:
    done = call(migrated, "drift", "--check", "--schema", "public, nowhere")
    assert (done.code, done.err) == (2, "--schema: there is no schema nowhere on either side.\n")


def test_another_database_takes_the_files_place(migrated: str, call: Any, server: local.Server) -> None:
    with fresh_database(server) as other:
        query(other, FILES_["001_users"].replace("email text NOT NULL", "email text"))
        before = catalog(other), catalog(migrated)
        for flags, env in ((["--against", other], {}), ([], {"SQLRAIL_AGAINST": other})):
            done = call(migrated, "drift", "--check", *flags, **env)
            assert done.code == 4
            assert done.out.splitlines()[:4] == [
                "public.posts", "  table: the other database does not have it",
                "public.users", "  email: other database says nullable, database says not null",
            ]  # fmt: skip
        assert (catalog(other), catalog(migrated)) == before


MANY = "".join(
    f"CREATE TABLE t{n} (id int PRIMARY KEY, up int REFERENCES t{max(n - 1, 0)});"
    f"ALTER TABLE t{n} ADD COLUMN state varchar CONSTRAINT t{n}_state_check CHECK (state IN ('a', 'b'));"
    for n in range(9)
)
SPELT = """
ALTER TABLE t3 DROP CONSTRAINT t3_state_check;
ALTER TABLE t3 ADD CONSTRAINT t3_state_check CHECK (state::text = ANY (ARRAY['a'::varchar::text, 'b'::varchar::text]));
"""


def test_two_databases_that_are_alike_are_not_read(
    both: tuple[str, str], call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = both
    query(one, MANY)
    query(other, MANY)

    def never(*_: object, **__: object) -> Catalog:
        raise AssertionError

    monkeypatch.setattr("sqlrail.verbs.drift.read", never)
    assert call(one, "drift", "--check", "--against", other).code == 0
    query(one, "CREATE TABLE apart (id int)")
    assert call(one, "drift", "--check", "--against", other, "--exclude-table", "apart").code == 0
    query(one, "GRANT SELECT (up) ON t4 TO PUBLIC")
    assert call(one, "drift", "--check", "--against", other, "--exclude-table", "apart").code == 0


def test_of_many_tables_those_that_are_not_alike_are_compared(both: tuple[str, str], call: Any) -> None:
    one, other = both
    query(one, MANY)
    query(other, MANY + SPELT)
    assert call(one, "drift", "--check", "--against", other).code == 0
    query(one, "GRANT SELECT (up) ON t4 TO PUBLIC; COMMENT ON COLUMN t5.up IS 'up'")
    query(other, "ALTER TABLE t7 ALTER id TYPE bigint")
    for flags, names in (([], "column public.t5.up"), (["--with-privileges"], "t4")):
        done = call(one, "drift", "--json", "--check", "--against", other, *flags)
        assert done.code == 4
        told = done.document["differences"]
        assert any(names in it["name"] for it in told), told
        assert "public.t7.id" in [it["name"] for it in told]
        assert len(told) == 2 + bool(flags)
    # What depends on what differs lies in a table that is alike, and is made again.
    assert "t8_up_fkey" in done.document["sql"]
    query(one, ";".join(it["sql"] for it in done.document["statements"]))
    assert call(one, "drift", "--check", "--against", other, "--with-privileges").code == 0


def test_the_other_database_s_password_is_told_nobody(migrated: str, call: Any) -> None:
    done = call(migrated, "drift", "--against", "postgresql://u:Zor%40Quux@127.0.0.1:1/d")
    assert (done.code, "Zor" in done.err + done.out) == (1, False)
    assert "a password on the command line can be read" in done.err


# An ORM


def test_what_a_command_makes_takes_the_files_place(migrated: str, call: Any, tmp_path: Path) -> None:
    (tmp_path / "orm.py").write_text(
        "import os, psycopg\nprint('made')\n"
        "with psycopg.connect(os.environ['DATABASE_URL']) as c:\n"
        "    c.execute('CREATE TABLE users (id int PRIMARY KEY, email text, created_at timestamptz NOT NULL)')\n"
    )
    done = call(migrated, "drift", "--check", "--orm", shlex.join([sys.executable, f"{tmp_path}/orm.py"]))
    assert done.code == 4, done.err
    assert done.out.splitlines()[:-2] == [
        "public.posts", "  table: the ORM does not make it", "public.users",
        "  email: ORM says nullable, database says not null", "  created_at default: the ORM does not make it",
    ]  # fmt: skip


def test_what_the_models_have_is_written_as_a_migration(
    database: str, call: Any, files: Path, server: local.Server
) -> None:
    """Names of theirs are no directives, and what would lose data is a comment of which no line is one."""
    hostile = '"a\n-- cleanup: users.id -> users.id\n;"'
    call(database, "migrate")
    query(database, f"CREATE TABLE {hostile} (id int)")
    before = set(files.iterdir())
    with fresh_database(server) as models:
        call(models, "migrate")
        query(
            models,
            'ALTER TABLE users ADD "depends: 009_x" int; CREATE INDEX "lint: ignore it" ON users (email)',
        )
        done = call(database, "drift", "--against", models, "--write", "add tags")
        assert done.code == 0, done.err
        (made,) = set(files.iterdir()) - before
        assert done.out.splitlines()[-1] == f"made {made}: read it before you run it"
        text = made.read_text()
        assert "-- loses data:\n-- | DROP TABLE" in text
        assert call(database, "migrate").code == 0
        query(database, f"DROP TABLE {hostile}")
        assert call(database, "drift", "--check", "--against", models).code == 0
        again = call(database, "drift", "--against", models, "--write", "nothing", "--json")
        assert (again.document["made"], "no file was made" in again.err) == ([], True)
    assert set(files.iterdir()) - before == {made}


def test_what_is_to_be_written_is_named(migrated: str, call: Any, files: Path) -> None:
    before = set(files.iterdir())
    for flags, says in (
        (["--write", "x"], "name what they shall build by --orm or --against"),
        (["--write", "..", "--orm", "true"], "name it with letters a to z or digits"),
        (["--write", "x", "--print-sql", "--orm", "true"], "choose one"),
        (["--write", "x", "--each", "SELECT 'a'", "--orm", "true"], "many databases differ in many ways"),
    ):
        done = call(migrated, "drift", *flags)
        assert (done.code, says in done.err) == (2, True), done.err
    assert set(files.iterdir()) == before


def test_a_command_that_fails_or_makes_nothing_is_an_error(migrated: str, call: Any) -> None:
    for command, says in (
        ("exit 7", "ended with 7"),
        ("true", "it has to take the database from DATABASE_URL"),
    ):
        done = call(migrated, "drift", "--orm", command)
        assert (done.code, says in done.err, done.out) == (1, True, "")


def test_a_child_s_database_url_leads_to_the_same_database(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    url = database.replace("postgres@", "postgres:Zor%40%3A%2F%25%20Quux@") + "&application_name=a%26b"
    with closing(psycopg.connect(url, hostaddr="")) as connection:
        environment = environment_for(connection, Settings(database_url=url))
    assert "PGHOSTADDR" not in environment
    names = ("host", "port", "user", "password", "dbname", "application_name")
    one, other = (conninfo_to_dict(it) for it in (url, environment["DATABASE_URL"]))
    assert [one[name] for name in names] == [other[name] for name in names]
    monkeypatch.delenv("PGHOSTADDR")
    assert query(environment["DATABASE_URL"], "SELECT 1") == [(1,)]


def test_how_a_database_likes_its_dates_is_no_difference(database: str, call: Any, files: Path) -> None:
    name = query(database, "SELECT current_database()")[0][0]
    for setting in ("timezone = 'Asia/Tokyo'", "datestyle = 'SQL, DMY'", "quote_all_identifiers = on"):
        query(database, f"ALTER DATABASE {name} SET {setting}")
    more = "ALTER TABLE users ADD COLUMN at timestamptz DEFAULT '2024-02-03 04:05:06+00';\n"
    write(files, **{"001_users": FILES_["001_users"] + more})
    assert call(database, "migrate").code == 0
    assert call(database, "drift", "--check").code == 0


def test_the_tables_of_an_orm_differ_from_the_files_where_they_should(both: tuple[str, str]) -> None:
    one, other = both
    build(one, (FIXTURES / "orm.sql").read_text())
    assert attempt(other, Heard()) is None
    found = lines(look(other), look(one))
    tables = {line for line in found if line.startswith("public.")}
    assert len(tables) == 8
    ours = found[found.index("public.users") :]
    assert ours == [
        "public.users",
        "created_at default: the database lacks it",
        "id default: the database lacks it",
        "is_verified default: the database lacks it",
        "updated_at default: the database lacks it",
        "constraint users_email_key1: the files do not build it",
    ]
    query(one, "DELETE FROM usage_analytics")  # with the orphan that keeps the key from coming back
    assert compare(look(other), build(one, script(look(other), look(one)))) == []


# The schema as a file


def test_migrate_keeps_the_schema_as_a_file_that_a_check_knows(
    database: str, call: Any, tmp_path: Path, files: Path
) -> None:
    kept = tmp_path / "schema.sql"
    flags = ("--schema-file", str(kept))
    assert call(database, "migrate", *flags).code == 0
    text = kept.read_text()
    assert "CREATE TABLE public.later (\n    id integer\n);\n" in text
    assert call(database, "schema").out == text
    done = call(database, "schema", "--check", *flags)
    assert (done.code, done.out) == (0, f"{kept} is what the files build\n")
    write(files, **{"004_more": "ALTER TABLE later ADD COLUMN more text;\n"})
    done = call(database, "schema", "--check", *flags)
    assert (done.code, "\n+    more text\n" in done.out) == (4, True)
    assert kept.read_text() == text
    assert call(database, "schema", *flags).out == f"wrote {kept}\n"
    assert (
        call(database, "schema", "--check", "--json", SQLRAIL_SCHEMA_FILE=str(kept)).document["stale"]
        is False
    )
    with fresh_database_of(database) as fresh:
        build(fresh, kept.read_text())
        assert call(database, "migrate").code == 0
        assert [one for one in compare(look(database), look(fresh)) if one.object.schema != "sqlrail"] == []


@contextmanager
def fresh_database_of(url: str) -> Iterator[str]:
    query(url, "CREATE DATABASE schema_test_1 TEMPLATE template0")
    try:
        yield re.sub(r"/test_\w+\?", "/schema_test_1?", url)
    finally:
        query(url, "DROP DATABASE schema_test_1 WITH (FORCE)")


def test_a_migration_stands_though_the_schema_cannot_be_written(
    database: str, call: Any, tmp_path: Path
) -> None:
    done = call(database, "migrate", "--schema-file", str(tmp_path / "nowhere" / "schema.sql"))
    assert done.code == 0
    assert "warning: " in done.err
    assert "schema.sql was not written" in done.err
    assert read(database).records == [*FILES_]


def test_who_interrupts_the_writing_of_the_schema_is_told_so_and_the_migration_stands(
    files: Path, database: str, monkeypatch: pytest.MonkeyPatch, sqlrail: Sqlrail
) -> None:
    def interrupt(*_: object) -> str:
        raise Interrupted(signal.SIGINT)

    monkeypatch.setattr("sqlrail.verbs.drift.write_schema", interrupt)
    done = sqlrail(
        "migrate", "--migrations", str(files), "--schema-file", "schema.sql", "--database-url", database
    )
    assert done.code == 130
    assert read(database).records == ["001_users", "002_posts", "003_later"]


def test_a_check_without_a_file_is_stale_and_without_a_name_wrong_usage(
    database: str, call: Any, tmp_path: Path
) -> None:
    assert call(database, "schema", "--check", "--schema-file", str(tmp_path / "none.sql")).code == 4
    assert call(database, "schema", "--check").code == 2


def test_what_a_reset_built_is_what_the_schema_file_says(
    files: Path, database: str, tmp_path: Path, sqlrail: Sqlrail
) -> None:
    there = ("--migrations", str(files), "--database-url", database)
    env = {"APP_ENV": "test", "SQLRAIL_SCHEMA_FILE": str(tmp_path / "schema.sql")}
    assert sqlrail("migrate", *there, env=env).code == 0
    (files / "004_more.sql").write_text("CREATE TABLE more (id int);")
    done = sqlrail("reset", "--yes", *there, env=env)
    assert done.code == 0, done.err
    assert sqlrail("schema", "--check", *there, env=env).code == 0
