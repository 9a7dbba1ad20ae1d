"""Code files edited at random, and the columns under them: what they build is there, with what was said of it.

No reader sees what is not there, or is refused.
"""

from __future__ import annotations

import itertools
import random
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aftermath import attempt, write
from conftest import fresh_database, open_folder, query
from listeners import Heard
from proxy import Proxy, Sender
from samples import CUTS, sample
from waiting import PATIENCE, watching

from sqlrail.engine import lost
from sqlrail.errors import ConnectionFailed, ConnectionLost
from sqlrail.files.code import FOLDER
from sqlrail.ground.events import nobody
from sqlrail.ground.reading import given
from sqlrail.schema.sides import Choice
from sqlrail.server import local
from sqlrail.verbs.apply import migrate
from sqlrail.verbs.drift import drift

#: edits, of so many views, and of a quarter as many functions; at every so-manieth it is compared with what files build
EDITS, VIEWS, COMPARED = sample("CODE_EDITS", 12), sample("CODE_VIEWS", 24), sample("CODE_COMPARED", 1)
TABLES = 4
ROLES = ("PUBLIC", "code_a", "code_b")
FACTS = """
    SELECT c.relname::text, 'owner', c.relowner::regrole::text FROM pg_class AS c WHERE relkind = 'v' AND {ours}
    UNION ALL
    SELECT c.relname::text, 'acl', a::text FROM pg_class AS c, unnest(coalesce(relacl, acldefault('r', relowner))) AS a
     WHERE relkind = 'v' AND {ours}
    UNION ALL
    SELECT c.relname::text, t.attname,
           concat(ARRAY(SELECT a::text FROM unnest(t.attacl) AS a ORDER BY 1), col_description(c.oid, t.attnum))
      FROM pg_class AS c
      JOIN pg_attribute AS t ON t.attrelid = c.oid WHERE relkind = 'v' AND t.attname IN ('id', 'a', 'b') AND {ours}
    UNION ALL
    SELECT c.relname::text, 'comment', obj_description(c.oid, 'pg_class') FROM pg_class AS c
     WHERE relkind = 'v' AND {ours}
    UNION ALL
    SELECT proname::text, 'owner', proowner::regrole::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT proname::text, 'acl', a::text FROM pg_proc, unnest(coalesce(proacl, acldefault('f', proowner))) AS a
     WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT tgname::text, 'enabled', tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
""".replace("{ours}", "relnamespace = 'public'::regnamespace")


class Code:
    """A folder of code files that always build, however they are edited."""

    def __init__(self, chance: random.Random, views: int) -> None:
        self.chance, self.views, self.functions = chance, views, max(2, views // 4)
        self.names = [f"v{number}" for number in range(views)] + [
            f"f{number}" for number in range(self.functions)
        ]
        self.names += ["looks", "touch", "touched", "own"]
        self.more: dict[str, str | None] = {
            f"t{n}": "x0" for n in range(TABLES)
        }  # the column that comes and goes
        self.numbers, self.migrations = itertools.count(1), {"00001_t": "".join(map(self.table, self.more))}
        self.files = {name: self.text(name) for name in self.names}
        #: whether what is to be run drops something by a statement that it puts together
        self.finds_out = False

    def text(self, name: str) -> str:
        """One of its files, anew."""
        chance, number = self.chance, int(name[1:]) if name[1:].isdigit() else 0
        if name == "looks":  # and leans on nothing, as the server sees it
            return (
                "CREATE OR REPLACE FUNCTION looks(it int) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN "
                f"RETURN (SELECT count(*) FROM v{chance.randrange(self.views)}) + it; END $$"
            )
        if name == "touch":
            return (
                "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS "
                f"'BEGIN new.a = {chance.randrange(99)}; RETURN new; END'"
            )
        if name == "touched":
            when = chance.choice(["INSERT", "UPDATE", "UPDATE OF a"])
            return f"CREATE TRIGGER touched BEFORE {when} ON t0 FOR EACH ROW EXECUTE FUNCTION touch()"
        if name == "own":
            return f"CREATE POLICY own ON t1 USING (f0(a::int) > {chance.randrange(9)})"
        if name.startswith("f"):
            returns, takes = chance.choice(["int", "bigint", "numeric"]), chance.choice(["int", "bigint"])
            inner = f"f{chance.randrange(number)}(1)" if number else "1"
            create = chance.choice(["CREATE", "CREATE OR REPLACE", "CREATE OR REPLACE", "CREATE OR REPLACE"])
            return (
                f"{create} FUNCTION {name}({chance.choice(['it', 'other'])} {takes}) RETURNS {returns} "
                f"LANGUAGE sql AS 'SELECT ($1 + {inner} + {chance.randrange(99)})::{returns}'"
            )
        source = (
            f"v{chance.randrange(number)}"
            if number and chance.random() < 0.6
            else f"t{chance.randrange(TABLES)}"
        )
        a = chance.choice([f"f{chance.randrange(self.functions)}(a::int)", "a::bigint", "a::int"])
        columns = ["id", f"{a} AS a", "b"] + [f"{n} AS c{n}" for n in range(chance.randrange(3))]
        if self.more.get(source) and chance.random() < 0.5:
            columns.append(f"{self.more[source]} AS x")
        chance.shuffle(columns)
        option = chance.choice(["", "", " WITH (security_invoker = true)", " WITH (security_barrier = true)"])
        looks = f" WHERE looks({number}) > 0" if number == self.views - 1 else ""
        return f"CREATE VIEW {name}{option} AS SELECT {', '.join(columns)} FROM {source}{looks}"

    def table(self, name: str) -> str:
        return f"CREATE TABLE {name} (id int, a int, b text{f', {more} int' if (more := self.more[name]) else ''});"

    def change(self) -> None:
        """Has a new migration change columns under views; the texts that name one that is gone are edited."""
        name = f"t{self.chance.randrange(TABLES)}"
        before, after = self.more[name], f"x{next(self.numbers)}"
        adds = f"ALTER TABLE {name} ADD {after} int;"
        column, type_ = self.chance.choice(
            [("a", "bigint"), ("a", "int"), ("a", "numeric"), ("b", "varchar"), ("b", "text"), ("id", "bigint"),
             ("id", "int")]
        )  # fmt: skip
        retypes = f"ALTER TABLE {name} ALTER {column} TYPE {type_};"
        ways = [(retypes, before)] * 3
        if before is None:
            ways += [(adds, after), (retypes + adds, after)]
        else:
            rename, drop = (
                f"ALTER TABLE {name} RENAME {before} TO {after};",
                f"ALTER TABLE {name} DROP {before};",
            )
            ways += [(rename, after), (rename + f"ALTER TABLE {name} ALTER {after} TYPE text;", after)]
            ways += [(drop, None), (drop + adds, after), (retypes + drop, None)]
            found_out = f"EXECUTE format('ALTER TABLE %I DROP %I', '{name}', '{before}')"
            ways += [(f"DO $$ BEGIN {found_out}; END $$;", None)]
        if name in ("t2", "t3"):  # no trigger and no policy goes with it
            again = f"ALTER TABLE {name} RENAME TO old; {self.table(name)} DROP TABLE old;"
            ways += [(again, before), (f"DROP TABLE {name}; {self.table(name)}", before)]
        text, self.more[name] = self.chance.choice(ways)
        self.finds_out = "EXECUTE" in text
        self.migrations[f"{len(self.migrations) + 1:05}_change"] = text
        if before and self.more[name] != before:
            now = self.more[name] or "1"
            old = rf"\b{before}\b"
            for it in [it for it, text in self.files.items() if f"FROM {name}" in text]:
                self.files[it] = re.sub(old, now, self.files[it])

    def edit(self, at_once: int) -> None:
        for name in self.chance.sample(self.names, at_once):
            self.files[name] = self.text(name)

    def say(self, connection: psycopg.Connection[Any]) -> None:
        """Says something of what was made."""
        view, role = f"v{self.chance.randrange(self.views)}", self.chance.choice(ROLES)
        function = f"f{self.chance.randrange(self.functions)}"
        connection.execute(
            self.chance.choice(
                [
                    f"GRANT SELECT ON {view} TO {role}",
                    f"GRANT SELECT (id), UPDATE (b) ON {view} TO {role}",
                    f"REVOKE ALL ON {view} FROM {role}",
                    f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC",
                    f"GRANT EXECUTE ON FUNCTION {function} TO code_b WITH GRANT OPTION",
                    f"COMMENT ON VIEW {view} IS '{self.chance.random()}'",
                    f"COMMENT ON COLUMN {view}.a IS 'it''s {self.chance.random()}'",
                ]
            ).encode()
        )

    def write(self, folder: Path) -> Path:
        write(folder, **self.migrations)
        write(folder / FOLDER, **self.files)
        return folder


def roles(url: str) -> None:
    for role in ROLES[1:]:
        if not query(url, f"SELECT 1 FROM pg_roles WHERE rolname = '{role}'"):
            query(url, f"CREATE ROLE {role}")


def facts(url: str) -> set[tuple[str, ...]]:
    return {*query(url, FACTS)}


@contextmanager
def reading(url: str, code: Code) -> Iterator[list[str]]:
    """Reads a view at random, and another; what it was refused."""
    refused, over = list[str](), threading.Event()

    def read() -> None:
        chance = random.Random(1)  # noqa: S311
        with psycopg.connect(url, autocommit=True) as connection:
            while not over.is_set():
                view = chance.randrange(code.views)
                try:
                    connection.execute(f"SELECT count(*), count(a) FROM v{view}".encode())
                except psycopg.Error as exc:
                    # docs/code.md says of both that a deadlock may end them: nobody can tell in front of such a file
                    # what it drops; and the last view calls what reads another one, when its own tables are locked.
                    may_be = code.finds_out or view == code.views - 1
                    if not (may_be and isinstance(exc, psycopg.errors.DeadlockDetected)):
                        refused.append(str(exc))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield refused
    finally:
        over.set()
        reader.join(PATIENCE)


@pytest.mark.promise
@pytest.mark.timeout(10800)
def test_whatever_is_edited_is_there_as_if_it_had_been_built_anew(any_database: str, tmp_path: Path) -> None:
    edited_at_random(any_database, tmp_path / "files", EDITS, VIEWS)


def test_a_few_edits_and_retypes_at_random(database: str, tmp_path: Path) -> None:
    edited_at_random(database, tmp_path / "files", 4, 8)


def edited_at_random(url: str, folder: Path, edits: int, views: int) -> None:
    """Edits code, changes columns, or both, again and again, while somebody reads."""
    chance = random.Random(edits)  # noqa: S311
    code = Code(chance, views)
    roles(url)
    settings = given(url, code.write(folder), environment="test")
    migrate(settings, nobody)
    again = 0
    with reading(url, code) as refused, psycopg.connect(url, autocommit=True) as own:
        for number in range(edits):
            for _ in range(chance.randrange(4)):
                code.say(own)
            before = facts(url)
            code.finds_out = False
            edits_code, changes_columns = chance.choice([(True, False), (False, True), (True, True)])
            if changes_columns:
                code.change()
            if edits_code:
                code.edit(chance.choice([1, 1, 1, 2, 5]))
            code.write(folder)
            done = migrate(settings, nobody)
            again += any(it.code for it in done.applied)
            assert facts(url) == before, number
            if number % COMPARED == 0 or number == edits - 1:
                found = drift(settings, nobody, Choice(privileges=False))
                assert [it for it in found.differences if it.kind != "comment"] == [], number
    assert refused == []
    assert again


@pytest.mark.promise
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("sender", ["client", "server"])
def test_wherever_the_connection_is_cut_all_of_it_is_there_or_nothing(
    server: local.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sender: Sender
) -> None:
    monkeypatch.setattr(lost, "RECONNECT", 0.0)
    code = Code(random.Random(3), 6)  # noqa: S311
    folder = code.write(tmp_path / "files")
    made = dict(code.files)
    code.edit(5)
    edited = dict(code.files)
    for number in range(0, 10_000, CUTS[sender]):
        with fresh_database(server) as url, open_folder() as sockets, watching(server, url) as watch:
            roles(url)
            put(folder, made)
            assert attempt(url, Heard(), folder) is None
            query(url, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO code_a")
            before, said = texts(url), facts(url)
            put(folder, edited)
            with closing(Proxy(sockets, url, sender=sender, cut_after=number, again=False)) as proxy:
                failed = attempt(proxy.url, Heard(), folder)
                was_cut = proxy.was_cut.is_set()
            watch.wait_until_gone()
            after = texts(url)
            if failed is not None:
                assert isinstance(failed, (ConnectionFailed, ConnectionLost)), (number, failed)
                assert "was being committed" in str(failed) or after == before, number
            assert attempt(url, Heard(), folder) is None, number
            assert after in (before, texts(url)), number
            assert facts(url) == said, number
        if not was_cut:
            break


#: what changes all that the views of the story below show: it is refused first, or known to be from its text
CHANGED = {
    "retype": "ALTER TABLE t0 ALTER a TYPE bigint;".join(
        f"ALTER TABLE t{n} ALTER b TYPE varchar, ALTER id TYPE bigint;" for n in range(TABLES)
    ),
    "drop": "".join(f"ALTER TABLE t{n} DROP id; ALTER TABLE t{n} ADD id bigint;" for n in range(TABLES)),
}
SHOWN = """
    SELECT c.relname::text, a.attname::text, a.atttypid::regtype::text FROM pg_attribute AS a
      JOIN pg_class AS c ON c.oid = a.attrelid WHERE relkind IN ('r', 'v') AND relnamespace = 'public'::regnamespace
       AND attnum > 0 AND relname !~ 'yoyo' ORDER BY 1, 2"""


@pytest.mark.promise
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("sender", ["client", "server"])
@pytest.mark.parametrize("change", CHANGED)
def test_wherever_a_change_under_a_view_is_cut_all_of_it_is_there_or_nothing(
    server: local.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sender: Sender, change: str
) -> None:
    monkeypatch.setattr(lost, "RECONNECT", 0.0)
    cut_everywhere(server, tmp_path, sender, range(0, 10_000, CUTS[sender]), change)


@pytest.mark.parametrize("change", CHANGED)
def test_a_change_under_a_view_that_is_cut_is_there_or_not(
    server: local.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(lost, "RECONNECT", 0.0)
    cut_everywhere(server, tmp_path, "client", range(8, 30, 6), change)


def cut_everywhere(server: local.Server, folder: Path, sender: Sender, numbers: range, change: str) -> None:
    """Cuts a run behind so many messages, until one comes to its end: one of a file that changes what views show."""
    code, stages = Code(random.Random(3), 6), set[str]()  # noqa: S311
    before, after = write(folder / "before"), write(folder / "after")
    code.write(before)
    code.write(after)
    write(after, **{"00002_t": CHANGED[change]})
    for number in numbers:
        with fresh_database(server) as url, open_folder() as sockets, watching(server, url) as watch:
            roles(url)
            assert attempt(url, Heard(), before) is None
            query(url, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO code_a; COMMENT ON VIEW v1 IS 'its'")
            said, shown = facts(url), query(url, SHOWN)
            with closing(Proxy(sockets, url, sender=sender, cut_after=number, again=False)) as proxy:
                failed = attempt(proxy.url, Heard(), after)
                was_cut = proxy.was_cut.is_set()
            watch.wait_until_gone()
            is_there = query(url, SHOWN) != shown
            stages.add("there" if is_there else "absent")
            records = [id_ for (id_,) in query(url, "SELECT migration_id FROM _yoyo_migration")]
            assert ("00002_t" in records) == is_there, number
            if failed is not None:
                assert isinstance(failed, (ConnectionFailed, ConnectionLost)), (number, failed)
            assert facts(url) == said, number
            assert attempt(url, Heard(), after) is None, number
            assert (facts(url), "bigint" in repr(query(url, SHOWN))) == (said, True), number
        if not was_cut:
            break
    assert "absent" in stages


def put(folder: Path, files: Mapping[str, str]) -> None:
    write(folder / FOLDER, **files)


def texts(url: str) -> list[tuple[Any, ...]]:
    """What was made, and what is recorded of it."""
    return query(
        url,
        """SELECT relname::text, pg_get_viewdef(oid), reloptions::text FROM pg_class
            WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace
           UNION ALL SELECT proname, pg_get_functiondef(oid), NULL FROM pg_proc
                      WHERE pronamespace = 'public'::regnamespace
           UNION ALL SELECT name, checksum, identity FROM sqlrail.code
           UNION ALL SELECT tgname, pg_get_triggerdef(oid), NULL FROM pg_trigger WHERE NOT tgisinternal
            ORDER BY 1, 2""",
    )
