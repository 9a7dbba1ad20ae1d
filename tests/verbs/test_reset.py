"""Reset and stamp: what reset leaves, which is nothing, and everything that keeps it from running."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import (
    FAST,
    ROOT,
    Connect,
    Servers,
    clean_environment,
    document_of,
    fresh_database,
    majors,
    needs,
    query,
)
from listeners import Heard
from servers import own_server
from terminals import at_a_terminal
from waiting import wait_for, watching

from sqlrail.cli.main import main
from sqlrail.errors import DatabaseFailed, Refused, SqlrailError, UsageError
from sqlrail.ground.events import nobody
from sqlrail.ground.settings import Settings
from sqlrail.results.target import Environment
from sqlrail.server import local
from sqlrail.verbs.apply import Migrated, migrate, status
from sqlrail.verbs.expendable import is_local
from sqlrail.verbs.reset import reset, stamp

pytestmark = needs("the owner of all that is in the database")
Connection = psycopg.Connection[Any]


def settings(url: str, folder: Path, **more: Any) -> Settings:
    given = {"environment": "development", "actor": "tester", "host": "here", "lock_wait": 20.0}
    return Settings(database_url=url, migrations=folder, **{**given, **more})


def do_reset(url: str, folder: Path, *, yes: bool = True, spare: Sequence[str] = (), **more: Any) -> Migrated:
    return reset(settings(url, folder, **more), nobody, lambda _: yes, spare=spare)


def do_stamp(url: str, folder: Path, environment: Environment) -> str | None:
    return stamp(settings(url, folder), nobody, environment, lambda _: True).before


#: one row an object of the database, whatever its kind, without the numbers that differ from database to database
OBJECTS = r"""
    SELECT kind, identity, owner, acl FROM (
        SELECT 'object' AS kind,
               a.type || ' ' || regexp_replace(a.identity, '(RI_\w+_)\d+', '\1') AS identity,
               NULL AS owner, NULL AS acl
          FROM (SELECT classid, objid, 0 AS objsubid FROM pg_depend
                UNION SELECT 'pg_class'::regclass, oid, 0 FROM pg_class
                UNION SELECT 'pg_type'::regclass, oid, 0 FROM pg_type
                UNION SELECT 'pg_proc'::regclass, oid, 0 FROM pg_proc
                UNION SELECT 'pg_operator'::regclass, oid, 0 FROM pg_operator
                UNION SELECT 'pg_opclass'::regclass, oid, 0 FROM pg_opclass
                UNION SELECT 'pg_opfamily'::regclass, oid, 0 FROM pg_opfamily
                UNION SELECT 'pg_am'::regclass, oid, 0 FROM pg_am
                UNION SELECT 'pg_cast'::regclass, oid, 0 FROM pg_cast
                UNION SELECT 'pg_conversion'::regclass, oid, 0 FROM pg_conversion
                UNION SELECT 'pg_collation'::regclass, oid, 0 FROM pg_collation
                UNION SELECT 'pg_ts_config'::regclass, oid, 0 FROM pg_ts_config
                UNION SELECT 'pg_ts_dict'::regclass, oid, 0 FROM pg_ts_dict
                UNION SELECT 'pg_ts_parser'::regclass, oid, 0 FROM pg_ts_parser
                UNION SELECT 'pg_ts_template'::regclass, oid, 0 FROM pg_ts_template
                UNION SELECT 'pg_trigger'::regclass, oid, 0 FROM pg_trigger
                UNION SELECT 'pg_policy'::regclass, oid, 0 FROM pg_policy
                UNION SELECT 'pg_rewrite'::regclass, oid, 0 FROM pg_rewrite
                UNION SELECT 'pg_attrdef'::regclass, oid, 0 FROM pg_attrdef
                UNION SELECT 'pg_constraint'::regclass, oid, 0 FROM pg_constraint
                UNION SELECT 'pg_statistic_ext'::regclass, oid, 0 FROM pg_statistic_ext
                UNION SELECT 'pg_transform'::regclass, oid, 0 FROM pg_transform
                UNION SELECT 'pg_publication_rel'::regclass, oid, 0 FROM pg_publication_rel
                UNION SELECT 'pg_event_trigger'::regclass, oid, 0 FROM pg_event_trigger
                UNION SELECT 'pg_largeobject'::regclass, oid, 0 FROM pg_largeobject_metadata) AS o
         CROSS JOIN LATERAL pg_identify_object(classid, objid, objsubid) AS a
         WHERE a.schema IS DISTINCT FROM 'pg_toast' AND coalesce(a.schema, '') !~ '^pg_(temp|toast_temp)_'
        UNION ALL SELECT 'schema', nspname, nspowner::regrole::text, nspacl::text
          FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast)'
        UNION ALL SELECT 'extension', extname, extowner::regrole::text, extversion FROM pg_extension
        UNION ALL SELECT 'language', lanname, lanowner::regrole::text, lanacl::text FROM pg_language
        UNION ALL SELECT 'wrapper', fdwname, NULL, NULL FROM pg_foreign_data_wrapper
        UNION ALL SELECT 'server', srvname, NULL, NULL FROM pg_foreign_server
        UNION ALL SELECT 'mapping', usename::text, NULL, NULL FROM pg_user_mappings
        UNION ALL SELECT 'publication', pubname, NULL, NULL FROM pg_publication
        UNION ALL SELECT 'subscription', count(*)::text, NULL, NULL FROM pg_subscription
        UNION ALL SELECT 'default acl', defaclobjtype::text, defaclnamespace::text, defaclacl::text FROM pg_default_acl
        UNION ALL SELECT 'setting', setrole::regrole::text, NULL, setconfig::text FROM pg_db_role_setting
          JOIN pg_database AS d ON d.oid = setdatabase WHERE datname = current_database()
        UNION ALL SELECT 'column', attrelid::regclass || '.' || attname, attnum::text, attacl::text
          FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
          WHERE relnamespace NOT IN ('pg_toast'::regnamespace, 'pg_catalog'::regnamespace)
        UNION ALL SELECT 'relation', c.oid::regclass::text, relowner::regrole::text, relacl::text
          FROM pg_class AS c WHERE relnamespace <> 'pg_toast'::regnamespace
        UNION ALL SELECT 'comment', objsubid::text, obj_description(objoid, classoid::regclass::name), description
          FROM pg_description
        UNION ALL SELECT 'label', label, NULL, NULL FROM pg_seclabel
        UNION ALL SELECT 'page of a large object', loid::text, pageno::text, NULL FROM pg_largeobject
    ) AS everything ORDER BY 1, 2, 3, 4
"""


def objects(url: str) -> list[tuple[Any, ...]]:
    return query(url, OBJECTS)


#: what can be made without a compiler; {database} and {role} are names
EVERYTHING = """
    CREATE TABLE plain (id serial PRIMARY KEY, doc tsvector, price numeric, UNIQUE (price));
    INSERT INTO plain (price) VALUES (1), (2);
    CREATE VIEW seen AS SELECT * FROM plain;
    CREATE RULE nothing AS ON INSERT TO seen DO INSTEAD NOTHING;
    CREATE MATERIALIZED VIEW kept AS SELECT * FROM plain;
    CREATE INDEX odd ON plain ((price * 2)) WHERE id > 1;
    CREATE STATISTICS plain_stats (dependencies) ON id, price FROM plain;
    ALTER TABLE plain ENABLE ROW LEVEL SECURITY;
    CREATE POLICY mine ON plain USING (id > 0);
    CREATE TABLE parts (id int) PARTITION BY RANGE (id);
    CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
    CREATE UNLOGGED TABLE fast (LIKE plain);
    CREATE SEQUENCE numbers;
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE TYPE pair AS (a int, b mood);
    CREATE TYPE floats AS RANGE (subtype = float8);
    CREATE TYPE shell;
    CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
    CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';
    CREATE FUNCTION pairs_as_int(pair) RETURNS int LANGUAGE sql AS 'SELECT ($1).a';
    CREATE PROCEDURE idle() LANGUAGE sql AS 'SELECT 1';
    CREATE AGGREGATE total(int) (sfunc = int4pl, stype = int);
    CREATE FUNCTION minus(text, text) RETURNS text LANGUAGE sql AS 'SELECT replace($1, $2, '''')';
    CREATE OPERATOR - (leftarg = text, rightarg = text, function = minus);
    CREATE OPERATOR FAMILY odd_ops USING btree;
    CREATE OPERATOR CLASS odd_int FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =,
        OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(int, int);
    CREATE CAST (pair AS int) WITH FUNCTION pairs_as_int(pair);
    CREATE CAST (mood AS int) WITH INOUT;
    CREATE CAST (json AS point) WITH INOUT;
    CREATE TEXT SEARCH DICTIONARY few (TEMPLATE = simple);
    CREATE TEXT SEARCH CONFIGURATION mine (COPY = simple);
    CREATE TEXT SEARCH TEMPLATE own (LEXIZE = dsimple_lexize);
    CREATE TEXT SEARCH PARSER own (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end,
        LEXTYPES = prsd_lextype);
    CREATE COLLATION letters FROM "C";
    CREATE CONVERSION odd FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
    CREATE ACCESS METHOD heap_2 TYPE TABLE HANDLER heap_tableam_handler;
    CREATE TABLE on_heap_2 (id int) USING heap_2;
    CREATE LANGUAGE plodd HANDLER plpgsql_call_handler;
    CREATE FUNCTION odd() RETURNS int LANGUAGE plodd AS 'BEGIN RETURN 1; END';
    CREATE FUNCTION reacts() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM 1; END';
    CREATE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER fired BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION fires();
    CREATE PUBLICATION feed FOR TABLE plain;
    CREATE PUBLICATION all_of_it FOR ALL TABLES;
    CREATE FOREIGN DATA WRAPPER elsewhere;
    CREATE SERVER far FOREIGN DATA WRAPPER elsewhere;
    CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (user 'x', password 'y');
    CREATE FOREIGN TABLE distant (id int) SERVER far;
    CREATE SCHEMA "Odd; DROP"; CREATE TABLE "Odd; DROP"."Tab""le" (id int REFERENCES plain);
    CREATE SCHEMA other AUTHORIZATION {role};
    CREATE VIEW other.seen AS SELECT * FROM "Odd; DROP"."Tab""le";
    SELECT lo_create(0), lo_from_bytea(4711, 'large');
    COMMENT ON SCHEMA public IS 'ours'; COMMENT ON TABLE plain IS 'plain'; COMMENT ON LARGE OBJECT 4711 IS 'one';
    COMMENT ON CAST (json AS point) IS 'odd';
    GRANT ALL ON SCHEMA public TO {role}; ALTER SCHEMA public OWNER TO {role};
    GRANT SELECT (id) ON plain TO {role}; GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC;
    ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC, {role};
    ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM CURRENT_USER;
    ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
    ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC;
    ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO {role} WITH GRANT OPTION;
    ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO {role};
    ALTER DEFAULT PRIVILEGES FOR ROLE {role} GRANT ALL ON TABLES TO PUBLIC;
    ALTER DEFAULT PRIVILEGES FOR ROLE {role} REVOKE ALL ON FUNCTIONS FROM PUBLIC, {role};
    ALTER DEFAULT PRIVILEGES IN SCHEMA other GRANT ALL ON TABLES TO {role};
    ALTER DATABASE {database} SET work_mem = '1MB'; ALTER DATABASE {database} SET search_path = other, public;
    ALTER ROLE {role} IN DATABASE {database} SET lock_timeout = '1s';
    CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION reacts();
    CREATE EVENT TRIGGER bar ON sql_drop EXECUTE FUNCTION reacts();
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two small migrations."""
    made = tmp_path / "migrations"
    made.mkdir()
    (made / "001_a.sql").write_text("CREATE TABLE a (id int PRIMARY KEY);")
    (made / "002_b.sql").write_text(
        "-- cleanup: b.a_id -> a.id\nCREATE TABLE b (id int, a_id int REFERENCES a ON DELETE CASCADE);"
    )
    return made


@pytest.fixture
def migrated(database: str, folder: Path) -> str:
    """A development database with a row in it."""
    migrate(settings(database, folder), nobody)
    query(database, "INSERT INTO a VALUES (1)")
    return database


@pytest.fixture
def role(any_database: str) -> Iterator[str]:
    name = "owner_" + any_database.partition("/test_")[2].partition("?")[0]
    query(any_database, f"CREATE ROLE {name} LOGIN")
    try:
        yield name
    finally:
        query(any_database, f"REASSIGN OWNED BY {name} TO postgres")
        query(any_database, f"DROP OWNED BY {name}")
        query(any_database, f"DROP ROLE {name}")


def belonging_to(url: str, role: str) -> str:
    """The database for a role that owns it, and is no superuser."""
    query(url, f"ALTER DATABASE {name_of(url)} OWNER TO {role}")
    if query(url, "SHOW server_version_num")[0][0] < "150000":
        query(url, f"ALTER SCHEMA public OWNER TO {role}")
    return f"{url}&options=-c%20role%3D{role}"


def name_of(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def refusal(url: str, folder: Path, **more: Any) -> str:
    """What a refused reset says, when it has changed nothing."""
    before = objects(url), query(url, "SELECT * FROM a")
    with pytest.raises(Refused, match=r"Nothing was changed\.$") as caught:
        do_reset(url, folder, **more)
    assert (objects(url), query(url, "SELECT * FROM a")) == before
    assert caught.value.exit_code == 3
    return str(caught.value)


# What is left


def test_settings_that_go_are_named_before_the_yes(migrated: str, folder: Path) -> None:
    for setting in ("search_path = public, other", "work_mem = '1MB'"):
        query(migrated, f"ALTER DATABASE {name_of(migrated)} SET {setting}")
    heard = Heard()
    with pytest.raises(Refused, match="was not confirmed"):
        reset(settings(migrated, folder), heard, lambda _: False)
    named = [text for text in heard.said if "settings of the database go as well" in text]
    assert [text.rpartition(": ")[2] for text in named] == ["search_path, work_mem"]


def test_a_reset_leaves_what_a_new_database_has(
    any_database: str, folder: Path, role: str, request: pytest.FixtureRequest, servers: Servers
) -> None:
    migrate(settings(any_database, folder), nobody)
    query(any_database, EVERYTHING.replace("{role}", role).replace("{database}", name_of(any_database)))
    if "pg18" in request.node.name:
        query(any_database, f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON LARGE OBJECTS TO {role}")
    available = [
        extension
        for (extension,) in query(
            any_database,
            "SELECT name FROM pg_available_extensions WHERE name IN ('hstore', 'citext', 'pg_trgm', 'ltree', "
            "'postgres_fdw', 'btree_gist', 'intarray', 'unaccent', 'file_fdw', 'cube') ORDER BY 1",
        )
    ]
    # By a file: one that no file makes would be in the way.
    made = "".join(f"CREATE EXTENSION {extension} SCHEMA public;\n" for extension in available)
    (folder / "003_extensions.sql").write_text(f"SELECT 1;\n{made}")
    migrate(settings(any_database, folder), nobody)
    query(any_database, "INSERT INTO sqlrail.archive (run, relation, source, action, cells) "
                        "VALUES (1, 'r', 's', 'orphan', '{}')")  # fmt: skip
    result = do_reset(any_database, folder)
    assert [done.id for done in result.applied] == ["001_a", "002_b", "003_extensions"]
    major = next(major for major in majors() if f"pg{major}" in request.node.name)
    with fresh_database(servers(major)) as new:
        migrate(settings(new, folder), nobody)
        assert objects(any_database) == objects(new)
    assert query(any_database, "SELECT environment, stamped_by FROM sqlrail.stamp") == [
        ("development", "tester")
    ]
    assert query(any_database, "SELECT count(*) FROM sqlrail.archive") == [(0,)]


@pytest.mark.promise
@pytest.mark.parametrize("any_database", [*majors()][-1:], indirect=True, ids=["newest"])
def test_the_comparison_sees_what_the_reset_has_to_remove(any_database: str, role: str) -> None:
    """Statement by statement: one that left no trace in the digest would prove nothing."""
    unseen = []
    text = EVERYTHING.replace("{role}", role).replace("{database}", name_of(any_database))
    with psycopg.connect(any_database, autocommit=True) as connection:
        for statement in text.split(";\n"):
            before = connection.execute(OBJECTS.encode()).fetchall()
            connection.execute(statement.encode())
            if connection.execute(OBJECTS.encode()).fetchall() == before:
                unseen.append(statement.split()[:2])
    assert [
        words for words in unseen if words and words not in (["INSERT", "INTO"], ["ALTER", "TABLE"])
    ] == []


def test_the_owner_needs_not_be_superuser(any_database: str, folder: Path, role: str) -> None:
    owned = belonging_to(any_database, role)
    migrate(settings(owned, folder), nobody)
    query(
        owned, "CREATE SCHEMA more; CREATE TABLE more.rows (); SELECT lo_create(0); INSERT INTO a VALUES (1)"
    )
    assert len(do_reset(owned, folder).applied) == 2
    assert query(owned, "SELECT count(*) FROM a") == [(0,)]
    assert query(owned, "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'public'") == [
        ("pg_database_owner",)
    ]


def test_what_others_own_is_named_before_anything_is_dropped(
    any_database: str, folder: Path, role: str
) -> None:
    owned = belonging_to(any_database, role)
    migrate(settings(owned, folder), nobody)
    query(
        any_database,
        """
        CREATE SCHEMA provided; CREATE TABLE provided.facts (id int); INSERT INTO provided.facts VALUES (1);
        CREATE TABLE public."Odd; name" (id int); CREATE FUNCTION reacts() RETURNS event_trigger LANGUAGE plpgsql
            AS 'BEGIN PERFORM 1; END';
        CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION reacts();
        CREATE PUBLICATION feed FOR ALL TABLES; CREATE FOREIGN DATA WRAPPER elsewhere;
        """,
    )
    before = objects(any_database)
    with pytest.raises(Refused) as caught:
        do_reset(owned, folder)
    assert objects(any_database) == before
    said = str(caught.value)
    for what in (
        'table public."Odd; name"', "function public.reacts()", "event trigger watch", "publication feed",
        "foreign-data wrapper elsewhere", "schema provided", "table provided.facts",
    ):  # fmt: skip
        assert f"the {what} of postgres" in said
    assert said.endswith("or drop it yourself. Nothing was changed.")
    assert {"kind": "schema", "name": "provided", "owner": "postgres"} in caught.value.details["in_the_way"]

    flags = shlex.split(said.partition("Leave it alone with ")[2].partition(", or drop")[0])[1::2]
    assert len(do_reset(owned, folder, spare=flags).applied) == 2
    assert query(any_database, "SELECT * FROM provided.facts") == [(1,)]
    left = {row for row in before if "postgres" in row and "yoyo" not in row[1]}
    assert left <= set(objects(any_database))
    assert query(any_database, "SELECT evtname FROM pg_event_trigger") == [("watch",)]


def test_what_is_spared_stays_as_it_is_with_all_that_is_a_part_of_it(any_database: str, folder: Path) -> None:
    migrate(settings(any_database, folder), nobody)
    made = """
        CREATE SCHEMA notes; CREATE TABLE notes.day (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
        CREATE TYPE mood AS ENUM ('sad', 'ok');
        CREATE TABLE "My ""diary" (id serial PRIMARY KEY, mood mood NOT NULL, n numeric(9, 2) DEFAULT 1.5,
            day int REFERENCES notes.day, CHECK (n > 0)) PARTITION BY RANGE (id);
        CREATE TABLE old PARTITION OF "My ""diary" FOR VALUES FROM (0) TO (100);
        CREATE INDEX ON "My ""diary" (n); ALTER TABLE "My ""diary" ENABLE ROW LEVEL SECURITY;
        CREATE POLICY mine ON "My ""diary" USING (id > 0); COMMENT ON TABLE "My ""diary" IS 'mine';
        CREATE STATISTICS of_it ON id, n FROM "My ""diary"; GRANT SELECT ON "My ""diary" TO PUBLIC;
        INSERT INTO "My ""diary" (mood) VALUES ('ok');
    """
    query(any_database, made)
    kept = [row for row in objects(any_database) if re.search(r"diary|mood|notes|old\b|of_it", str(row))]
    assert len(kept) > 30
    query(
        any_database,
        """
        CREATE TABLE other (id int, diary int, mood mood, UNIQUE (id));
        ALTER TABLE other ADD FOREIGN KEY (diary) REFERENCES a;
        CREATE VIEW seen AS SELECT * FROM "My ""diary";
        CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';
        CREATE AGGREGATE total(int) (sfunc = int4pl, stype = int);
        CREATE OPERATOR CLASS odd_int FOR TYPE int USING btree AS OPERATOR 3 =, FUNCTION 1 btint4cmp(int, int);
        CREATE DOMAIN email AS text; CREATE COLLATION letters FROM "C"; CREATE TABLE notes.other (id int);
        CREATE PUBLICATION feed FOR TABLE "My ""diary", other;
        """,
    )
    heard = Heard()
    reset(
        settings(any_database, folder),
        heard,
        lambda _: True,
        spare=['"My ""diary"', "public.mood", "Notes.day"],
    )
    lines = [line for line in heard.said if "depends on what is spared" in line]
    assert len(lines) == 1
    assert "the view public.seen" in lines[0]
    assert "the table public.other" in lines[0]
    after = objects(any_database)
    assert [row for row in kept if row not in after and "notes.other" not in str(row)] == []
    assert query(any_database, 'SELECT id, mood::text, n, nextval(\'"My ""diary_id_seq"\') FROM old') == [
        (1, "ok", Decimal("1.50"), 2)
    ]
    gone = r"\b(public\.(seen|other|twice|total|odd_int|email|letters)|notes\.other|feed)\b"
    assert [row for row in after if row[0] != "comment" and re.search(gone, str(row))] == []
    assert query(any_database, "SELECT count(*) FROM a") == [(0,)]


@pytest.mark.parametrize(
    ("made", "spared", "needed"),
    [
        ("CREATE TYPE mood AS ENUM ('a'); CREATE TABLE t (m mood[])", "t", "--spare public.mood"),
        ("CREATE TABLE t (a int REFERENCES a)", "public.t", "--spare public.a"),
        ("CREATE VIEW v AS SELECT * FROM a", "v", "--spare public.a"),
        ("CREATE SEQUENCE s; CREATE TABLE t (id int DEFAULT nextval('s'))", "t", "--spare public.s"),
        ("CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE t PARTITION OF p DEFAULT", "t",
         "--spare public.p"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE t (id int DEFAULT f())", "t",
         "--spare public.f"),
        ("CREATE FOREIGN DATA WRAPPER w; CREATE SERVER r FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE t () SERVER r",
         "t", "--spare r --spare w"),
        ("CREATE SCHEMA s CREATE TABLE t (a int REFERENCES public.a)", "s", "--spare public.a"),
    ],
    ids=["a type", "a key", "a view", "a default", "a partition", "a function", "a server", "a schema"],
)  # fmt: skip
def test_what_is_spared_takes_what_it_needs_or_is_refused(
    any_database: str, folder: Path, made: str, spared: str, needed: str
) -> None:
    migrate(settings(any_database, folder), nobody)
    query(any_database, made)
    said = refusal(any_database, folder, spare=[spared])
    assert said.startswith("reset is refused: what is spared needs ")
    assert said.endswith(f"leave that as well: {needed}. Nothing was changed.")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "there is nothing of that name"),
        ("a b", "write a name"),
        ("", "write a name"),
        ("public", "would keep the records"),
        ("sqlrail", "would keep the records"),
        ("_yoyo_migration", "would keep the records"),
        ("pg_catalog", "there is nothing of that name"),
    ],
)
def test_a_name_that_spares_nothing_or_too_much_is_found_before_anything_is_dropped(
    migrated: str, folder: Path, name: str, message: str
) -> None:
    before = objects(migrated)
    with pytest.raises(UsageError, match=message):
        do_reset(migrated, folder, spare=[name])
    assert objects(migrated) == before


def test_an_extension_that_no_file_makes_is_in_the_way_or_stays(any_database: str, folder: Path) -> None:
    found = query(
        any_database, "SELECT name FROM pg_available_extensions WHERE name IN ('pg_trgm', 'citext')"
    )
    if not found:
        pytest.skip("this server has no extensions")
    extension = found[0][0]
    query(any_database, f"CREATE EXTENSION {extension}")
    migrate(settings(any_database, folder), nobody)
    said = refusal(any_database, folder)
    assert (
        f"what no file makes again: the extension {extension}. Leave it alone with --spare {extension}"
        in said
    )
    before = [row for row in objects(any_database) if row[0] == "object" and "yoyo" not in str(row)]
    assert len(do_reset(any_database, folder, spare=[extension]).applied) == 2
    after = objects(any_database)
    assert [row for row in before if row not in after] == []
    (folder / "003_it.sql").write_text(f"CREATE EXTENSION IF NOT EXISTS {extension};")
    assert len(do_reset(any_database, folder).applied) == 3


def test_a_schema_that_no_file_makes_and_files_use_is_emptied_and_stays(
    any_database: str, folder: Path, role: str
) -> None:
    query(any_database, f"CREATE SCHEMA app; CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO {role}")
    (folder / "003_c.sql").write_text("CREATE TABLE Shop.c (id int);")
    there = f"{any_database}&options=-csearch_path%3Dapp"
    migrate(settings(there, folder), nobody)
    query(any_database, "CREATE SCHEMA mine; CREATE TABLE mine.t (); CREATE TABLE shop.more (); CREATE VIEW app.v AS "
                        "SELECT * FROM shop.more")  # fmt: skip
    heard = Heard()
    assert len(reset(settings(there, folder), heard, lambda _: True).applied) == 3
    assert any(
        "the schema app, the schema shop" in line and "no file makes it" in line for line in heard.said
    )
    tables = (
        "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('app', 'shop', 'mine')"
    )
    names = {name for (name,) in query(any_database, tables) if "yoyo" not in name}
    assert names == {"app.a", "app.b", "shop.c"}
    assert query(any_database, f"SELECT has_schema_privilege('{role}', 'shop', 'USAGE')") == [(True,)]
    assert query(any_database, "SELECT to_regclass('app.v'), to_regnamespace('mine')") == [(None, None)]


def test_what_other_roles_have_set_for_themselves_stays_and_is_said(
    any_database: str, folder: Path, role: str
) -> None:
    query(any_database, f"ALTER ROLE postgres IN DATABASE {name_of(any_database)} SET work_mem = '1MB'")
    owned = belonging_to(any_database, role)
    migrate(settings(owned, folder), nobody)
    heard = Heard()
    reset(settings(owned, folder), heard, lambda _: True)
    assert any("settings and default privileges of postgres" in line for line in heard.said)
    assert ("setting", "postgres", None, "{work_mem=1MB}") in objects(any_database)


def test_a_subscription_is_refused(migrated: str, folder: Path) -> None:
    query(
        migrated, "CREATE SUBSCRIPTION feed CONNECTION 'host=/nowhere' PUBLICATION p WITH (connect = false)"
    )
    try:
        assert "the database has a subscription" in refusal(migrated, folder)
    finally:
        query(migrated, "ALTER SUBSCRIPTION feed SET (slot_name = NONE)")
        query(migrated, "DROP SUBSCRIPTION feed")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda folder: (folder / "002_b.sql").write_text("COMMIT;"), SqlrailError),
        (lambda folder: (folder / "002_b.sql").write_text("-- lock-timeout: soon\nSELECT 1;"), SqlrailError),
        (lambda folder: folder.rename(folder.with_name("gone")), UsageError),
    ],
    ids=["a file that ends the transaction", "a bad directive", "no folder"],
)
def test_files_that_cannot_be_run_are_found_before_anything_is_dropped(
    migrated: str, folder: Path, change: Callable[[Path], Any], error: type[Exception]
) -> None:
    before = objects(migrated)
    change(folder)
    with pytest.raises(error):
        do_reset(migrated, folder)
    assert objects(migrated) == before
    assert query(migrated, "SELECT * FROM a") == [(1,)]


# Guards


@pytest.mark.parametrize("environment", [None, "production", "staging"])
def test_only_development_and_test_can_be_reset(migrated: str, folder: Path, environment: str | None) -> None:
    message = refusal(migrated, folder, environment=environment)
    assert "and it must say development or test" in message


def test_a_database_without_a_stamp_is_refused(migrated: str, folder: Path) -> None:
    query(migrated, "DELETE FROM sqlrail.stamp")
    assert "the database has no stamp" in refusal(migrated, folder)
    query(migrated, "DROP SCHEMA sqlrail CASCADE")
    assert "the database has no stamp" in refusal(migrated, folder)


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_a_stamp_that_is_not_development_is_refused_until_it_is_changed_by_name(
    migrated: str, folder: Path, environment: str
) -> None:
    query(migrated, f"UPDATE sqlrail.stamp SET environment = '{environment}'")
    message = refusal(migrated, folder)
    assert f"stamped {environment}; if it is a copy, `stamp development` says so first" in message
    assert do_stamp(migrated, folder, "development") == environment
    assert len(do_reset(migrated, folder).applied) == 2


def test_a_stamp_that_changes_before_the_lock_is_seen(migrated: str, folder: Path) -> None:
    def change(_: str) -> bool:
        query(migrated, "UPDATE sqlrail.stamp SET environment = 'production'")
        return True

    with pytest.raises(Refused, match="not stamped development or test"):
        reset(settings(migrated, folder), nobody, change)
    assert query(migrated, "SELECT * FROM a") == [(1,)]


@pytest.mark.parametrize("other", ["superuser", "owner"])
def test_somebody_else_who_is_connected_is_named(
    any_database: str, connect: Connect, folder: Path, role: str, other: str
) -> None:
    """Also to a role that may not see what others do."""
    query(any_database, f"ALTER DATABASE {name_of(any_database)} OWNER TO {role}")
    url = any_database if other == "superuser" else f"{any_database}&options=-c%20role%3D{role}"
    migrate(settings(url, folder), nobody)
    colleague = connect(any_database, application_name="psql of a colleague")
    with pytest.raises(Refused) as caught:
        do_reset(url, folder)
    assert f"somebody else is connected: backend {colleague.info.backend_pid} (user postgres" in str(
        caught.value
    )
    assert "psql of a colleague" in str(caught.value)
    connect(any_database)
    with pytest.raises(Refused, match=r"and 1 more; end that first\. Nothing was changed\."):
        do_reset(url, folder)
    assert query(any_database, "SELECT count(*) FROM a") == [(0,)]


def test_somebody_who_streams_the_database_is_named(migrated: str, connect: Connect, folder: Path) -> None:
    reader = connect(migrated, replication="database")
    assert f"somebody else is connected: backend {reader.info.backend_pid} " in refusal(migrated, folder)


def test_somebody_who_connects_while_the_name_is_typed_is_seen(
    migrated: str, connect: Connect, folder: Path
) -> None:
    with pytest.raises(Refused, match="somebody else is connected"):
        reset(settings(migrated, folder), nobody, lambda _: bool(connect(migrated)))
    assert query(migrated, "SELECT * FROM a") == [(1,)]


def test_a_prepared_transaction_is_refused(folder: Path) -> None:
    with own_server({**FAST, "max_prepared_transactions": "2"}) as server:
        migrate(settings(server.url, folder), nobody)
        with psycopg.connect(server.url) as connection:
            connection.execute("INSERT INTO a VALUES (1)")
            connection.execute("PREPARE TRANSACTION 'half'")
            connection.rollback()
        message = refusal(server.url, folder)
        assert "a prepared transaction (user postgres, prepared transaction half, prepared)" in message
        query(server.url, "ROLLBACK PREPARED 'half'")
        assert len(do_reset(server.url, folder).applied) == 2


def own_address() -> str:
    """The address that this machine would send from; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        pytest.param("::1", True, marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")),
        (own_address(), True),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("::ffff:192.0.2.1", False),
    ],
)
def test_only_an_address_of_this_machine_is_local(address: str, expected: bool) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # Connecting a datagram socket sends nothing; it only says who the other end would be.
    with socket.socket(family, socket.SOCK_DGRAM) as connected:
        try:
            connected.connect((address, 5432))
        except OSError as exc:
            pytest.skip(f"no route to {address}: {exc}")
        assert is_local(connected) is expected


def test_what_is_behind_a_socket_file_is_local() -> None:
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert is_local(one)


def test_a_server_on_another_machine_is_refused(
    migrated: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one thing that cannot be had here is another machine: so this one disowns its socket."""
    monkeypatch.setattr("sqlrail.verbs.expendable.is_local", lambda *_: False)
    assert "is not on this machine" in refusal(migrated, folder)


# The two yeses


@pytest.fixture
def command(migrated: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """The command line within this process, without a terminal."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("DATABASE_URL", migrated)
    monkeypatch.setenv("APP_ENV", "development")
    yield lambda *arguments: main(arguments)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_without_a_terminal_reset_wants_yes(
    command: Callable[..., int], migrated: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("reset") == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "was not confirmed: type its name at the prompt, or give --yes. Nothing was changed." in err
    assert query(migrated, "SELECT * FROM a") == [(1,)]
    assert command("--json", "reset", "--yes") == 0
    document = json.loads(capsys.readouterr().out)
    assert [done["id"] for done in document["applied"]] == ["001_a", "002_b"]
    assert query(migrated, "SELECT * FROM a") == []


def test_yes_does_not_outvote_a_guard(
    command: Callable[..., int],
    migrated: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("APP_ENV")
    assert command("reset", "--yes") == 3
    assert "APP_ENV is not set" in capsys.readouterr().err
    assert query(migrated, "SELECT * FROM a") == [(1,)]


def test_the_stamp_of_a_copy_is_changed_by_its_name(
    command: Callable[..., int], migrated: str, capsys: pytest.CaptureFixture[str]
) -> None:
    query(migrated, "UPDATE sqlrail.stamp SET environment = 'production'")
    for arguments in ([], ["--name", "another"]):
        assert command("stamp", "development", *arguments) == 3
        assert "stays production" in capsys.readouterr().err
        assert query(migrated, "SELECT environment FROM sqlrail.stamp") == [("production",)]
    assert command("--json", "stamp", "development", "--name", name_of(migrated)) == 0
    assert document_of(capsys.readouterr().out) == {"stamp": "development", "before": "production"}
    assert query(migrated, "SELECT environment, stamped_by <> '' FROM sqlrail.stamp") == [
        ("development", True)
    ]
    assert command("reset", "--yes") == 0


def child(url: str, folder: Path, *arguments: str, **streams: Any) -> subprocess.Popen[bytes]:
    environment = {**clean_environment(), "DATABASE_URL": url, "APP_ENV": "development"}
    line = [sys.executable, str(ROOT / "runner.py"), "--migrations", str(folder), *arguments]
    return subprocess.Popen(line, cwd=folder.parent, env=environment, start_new_session=True, **streams)


def typed(url: str, folder: Path, answer: str) -> tuple[int, str]:
    """The exit code and all that a terminal shows when its user answers the prompt."""
    env = {"DATABASE_URL": url, "APP_ENV": "development"}
    return at_a_terminal("reset", "--migrations", folder, env=env, prompt="to go on: ", answer=answer)


@pytest.mark.parametrize(
    "answer", ["another\n", "\n", "yes\n", "\x04"], ids=["another name", "nothing", "yes", "the end of file"]
)
def test_any_other_answer_than_the_name_resets_nothing(migrated: str, folder: Path, answer: str) -> None:
    code, shown = typed(migrated, folder, answer)
    assert code == 3
    assert f"Type the database's name ({name_of(migrated)}) to go on: " in shown
    assert "was not confirmed" in shown
    assert query(migrated, "SELECT * FROM a") == [(1,)]


def test_the_name_typed_at_the_prompt_resets(migrated: str, folder: Path) -> None:
    code, shown = typed(migrated, folder, name_of(migrated) + "\n")
    assert code == 0
    assert "done: 2 applied now" in shown
    assert query(migrated, "SELECT * FROM a") == []


# Killed


def wait_until(url: str, condition: str) -> None:
    wait_for(lambda: query(url, f"SELECT 1 WHERE {condition}"), condition)


def test_a_reset_that_is_killed_while_it_empties_has_changed_nothing(
    migrated: str, folder: Path, server: local.Server
) -> None:
    name = name_of(migrated)
    query(migrated, f"ALTER DATABASE {name} SET work_mem = '1MB'")
    before = objects(migrated)
    with psycopg.connect(server.url) as gate:
        # From another database, as nobody else may be in this one: holds up the settings' removal, which comes late.
        gate.execute("LOCK pg_db_role_setting IN EXCLUSIVE MODE")
        with child(migrated, folder, "reset", "--yes", "--lock-timeout", "60s", stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # fmt: skip
            wait_until(server.url, "EXISTS (SELECT FROM pg_locks WHERE relation = 'pg_db_role_setting'::regclass "
                                   "AND NOT granted)")  # fmt: skip
            process.kill()
    wait_until(server.url, f"NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{name}')")
    assert objects(migrated) == before
    assert query(migrated, "SELECT * FROM a") == [(1,)]
    assert len(do_reset(migrated, folder).applied) == 2


@pytest.mark.promise
@pytest.mark.parametrize("tenth", range(8))
def test_a_reset_that_is_killed_at_any_moment_can_be_run_again(
    migrated: str, folder: Path, server: local.Server, tenth: int
) -> None:
    with child(migrated, folder, "reset", "--yes", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
               stderr=subprocess.DEVNULL) as process:  # fmt: skip
        name = name_of(migrated)
        with watching(server, migrated) as watch:
            watch.let_run(tenth * 0.012)
        process.kill()
    wait_until(server.url, f"NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{name}')")
    assert query(migrated, "SELECT environment FROM sqlrail.stamp") == [("development",)]
    (rest,) = query(migrated, "SELECT to_regclass('a') IS NOT NULL")
    untouched = rest[0] and query(migrated, "SELECT * FROM a") == [(1,)]
    done = do_reset(migrated, folder)
    assert [one.id for one in done.applied] == ["001_a", "002_b"], f"untouched: {untouched}"
    assert query(migrated, "SELECT * FROM a") == []


def test_a_database_in_use_is_given_way_to(
    migrated: str, folder: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who came after the last look holds a table."""
    writer = connect(migrated, autocommit=False)
    writer.execute("INSERT INTO a VALUES (2)")
    for module in ("expendable", "reset"):
        monkeypatch.setattr(f"sqlrail.verbs.{module}.raise_unless_alone", lambda *_: None)
    with pytest.raises(DatabaseFailed, match=r"lock timeout\. Nothing was changed\."):
        do_reset(migrated, folder, lock_timeout=0.2)
    writer.rollback()
    assert query(migrated, "SELECT * FROM a") == [(1,)]


# The stamp


@pytest.mark.parametrize("environment", ["development", "test", "staging", "production"])
def test_migrate_stamps_once(database: str, folder: Path, environment: str) -> None:
    migrate(settings(database, folder, environment=environment), nobody)
    look = "SELECT environment, stamped_by, stamped_at FROM sqlrail.stamp"
    before = query(database, look)
    assert before[0][:2] == (environment, "tester")
    for number, other in enumerate(("development", "production", None), 3):
        migrate(settings(database, folder, environment=other, actor="another"), nobody)
        (folder / f"{number:03}_{other}.sql").write_text("SELECT 1;")
        migrate(settings(database, folder, environment=other, actor="another"), nobody)
    assert query(database, look) == before


def test_an_unknown_environment_leaves_no_stamp(database: str, folder: Path) -> None:
    migrate(settings(database, folder, environment=None), nobody)
    with psycopg.connect(database) as connection:
        (there,) = connection.execute("SELECT to_regclass('sqlrail.stamp')").fetchall()
    assert there == (None,) or query(database, "SELECT * FROM sqlrail.stamp") == []
    assert "no stamp" in refusal(database, folder)


def is_stamped(url: str) -> str | None:
    if query(url, "SELECT to_regclass('sqlrail.stamp')") == [(None,)]:
        return None
    return next((environment for (environment,) in query(url, "SELECT environment FROM sqlrail.stamp")), None)


@pytest.mark.parametrize("before", ["ours", "plain yoyo's"])
def test_a_database_with_records_takes_nobody_s_stamp(database: str, folder: Path, before: str) -> None:
    migrate(settings(database, folder, environment=None), nobody)
    if before == "plain yoyo's":
        query(database, "UPDATE _yoyo_log SET comment = NULL")
        query(database, "DROP SCHEMA IF EXISTS sqlrail CASCADE")
    for number in (3, 4):
        (folder / f"{number:03}_more.sql").write_text("SELECT 1;")
        for _ in ("something to do", "nothing to do"):
            heard = Heard()
            migrate(settings(database, folder), heard)
            assert any("has no stamp" in line and "`migrate --stamp`" in line for line in heard.said)
            assert is_stamped(database) is None
    with pytest.raises(Refused, match="`stamp development` says so first"):
        do_reset(database, folder)
    migrate(settings(database, folder), nobody, stamp=True)
    assert is_stamped(database) == "development"


def test_migrate_with_stamp_changes_no_stamp(migrated: str, folder: Path) -> None:
    migrate(settings(migrated, folder, environment="production"), nobody, stamp=True)
    assert is_stamped(migrated) == "development"


def test_the_database_holds_one_stamp_of_a_known_name(migrated: str) -> None:
    for statement in (
        "INSERT INTO sqlrail.stamp (environment, stamped_by) VALUES ('test', 'x')",
        "INSERT INTO sqlrail.stamp VALUES (false, 'test', now(), 'x')",
        "UPDATE sqlrail.stamp SET environment = 'prod'",
    ):
        with pytest.raises(psycopg.errors.IntegrityError):
            query(migrated, statement)


def test_a_role_that_may_not_read_the_stamp_can_still_read_the_history(
    any_database: str, folder: Path, role: str
) -> None:
    migrate(settings(any_database, folder), nobody)
    query(any_database, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    visitor = f"{any_database}&options=-c%20role%3D{role}"
    entries, found, *_ = status(settings(visitor, folder), nobody)
    assert ([entry.state for entry in entries], found) == (["applied", "applied"], [])
    assert migrate(settings(visitor, folder), nobody).already_applied == 2
    with pytest.raises(Refused, match="the database has no stamp"):
        do_reset(visitor, folder)


def test_a_database_of_more_objects_than_the_server_can_lock_is_left_as_it_was(
    migrated: str, folder: Path
) -> None:
    query(migrated, "SELECT lo_create(0) FROM generate_series(1, 20000)")
    with pytest.raises(DatabaseFailed, match=r"max_locks_per_transaction.* Nothing was changed\."):
        do_reset(migrated, folder)
    assert query(migrated, "SELECT count(*) FROM pg_largeobject_metadata") == [(20000,)]
    assert query(migrated, "SELECT * FROM a") == [(1,)]


# The seed


def test_the_shipped_seed_fits_the_shipped_migrations(database: str) -> None:
    shipped = settings(database, ROOT / "migrations", seed=ROOT / "sql" / "seed.sql")
    migrate(shipped, nobody)
    reset(shipped, nobody, lambda _: True, seed=True)
    tables = query(
        database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename !~ 'yoyo'"
    )
    assert len(tables) == 8
    for (table,) in tables:
        assert query(database, f"SELECT count(*) > 0 FROM {table}") == [(True,)]


def test_a_seed_is_loaded_behind_the_files_and_logged_without_a_record(
    command: Callable[..., int], migrated: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Named like a migration, it is still none.
    seed = folder.parent / "seeds" / "001_a.sql"
    seed.parent.mkdir()
    seed.write_text("INSERT INTO a VALUES (7); INSERT INTO b VALUES (1, 7);")
    assert command("reset", "--yes", "--json", "--seed", "seeds/001_a.sql") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["seed"] == "seeds/001_a.sql"
    assert "loaded seeds/001_a.sql (" in err
    assert query(migrated, "SELECT a.id, b.id FROM a, b") == [(7, 1)]
    logged = "SELECT migration_id, migration_hash FROM _yoyo_log WHERE operation = 'seed'"
    assert query(migrated, logged) == [("001_a", None)]
    assert [entry.state for entry in status(settings(migrated, folder), nobody)[0]] == ["applied"] * 2

    assert command("reset", "--yes", "--json") == 0
    assert json.loads(capsys.readouterr().out)["seed"] is None
    assert query(migrated, "SELECT * FROM a") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "there is no file sql/seed.sql; name the one with the rows: --seed FILE, or SQLRAIL_SEED."),
        ("INSERT INTO a VALUES (7); COMMIT;", "sql/seed.sql:1:27: COMMIT is not for the file to say"),
        ("-- transactional: false\nSELECT 1;", "sql/seed.sql: a seed is loaded in one transaction"),
    ],
    ids=["missing", "ends its transaction", "outside a transaction"],
)
def test_a_seed_that_cannot_be_loaded_is_found_before_anything_is_dropped(
    command: Callable[..., int],
    migrated: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    text: str | None,
    expected: str,
) -> None:
    if text is not None:
        (folder.parent / "sql").mkdir()
        (folder.parent / "sql" / "seed.sql").write_text(text)
    assert command("reset", "--yes", "--seed") == 2
    assert expected in capsys.readouterr().err
    assert query(migrated, "SELECT * FROM a") == [(1,)]


def test_of_a_seed_that_fails_nothing_is_kept_and_the_files_stand(
    command: Callable[..., int],
    migrated: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (folder.parent / "rows.sql").write_text("INSERT INTO a VALUES (7);\nINSERT INTO b VALUES (1, 8);\n")
    monkeypatch.setenv("SQLRAIL_SEED", "rows.sql")
    assert command("reset", "--yes", "--seed") == 1
    err = capsys.readouterr().err
    assert "rows.sql:2:1: " in err
    assert "Nothing of rows was kept." in err
    assert "Applied before that: 001_a, 002_b." in err
    assert query(migrated, "SELECT * FROM a") == []
    assert command("status", "--check") == 0


def test_a_seed_does_not_outvote_a_guard(
    command: Callable[..., int], migrated: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.parent / "rows.sql").write_text("INSERT INTO a VALUES (7);")
    monkeypatch.setenv("APP_ENV", "production")
    assert command("reset", "--yes", "--seed", "rows.sql") == 3
    assert query(migrated, "SELECT * FROM a") == [(1,)]


def test_a_seed_is_not_loaded_where_the_database_is_another_one_by_now(
    migrated: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def migrate_and_fail_over(*given: Any) -> Migrated:
        result = migrate(*given)
        query(migrated, "UPDATE sqlrail.stamp SET environment = 'production'")
        return result

    monkeypatch.setattr("sqlrail.verbs.reset.migrate", migrate_and_fail_over)
    seed = folder.parent / "rows.sql"
    seed.write_text("INSERT INTO a VALUES (7);")
    with pytest.raises(Refused, match="is now stamped production") as caught:
        reset(settings(migrated, folder, seed=seed), nobody, lambda _: True, seed=True)
    assert caught.value.applied == ["001_a", "002_b"]
    assert query(migrated, "SELECT * FROM a") == []


def test_an_event_trigger_of_an_extension_goes_with_it(migrated: str, folder: Path) -> None:
    available = query(
        migrated, "SELECT name FROM pg_available_extensions WHERE name <> 'plpgsql' ORDER BY 1 LIMIT 1"
    )
    if not available:
        pytest.skip("there is no extension here but plpgsql")
    ((name,),) = available
    (folder / "003_it.sql").write_text(f'CREATE EXTENSION "{name}"; DROP EXTENSION "{name}";')
    for statement in (
        f'CREATE EXTENSION "{name}"',
        "CREATE FUNCTION look() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER watcher ON sql_drop EXECUTE FUNCTION look()",
        f'ALTER EXTENSION "{name}" ADD FUNCTION look()',
        f'ALTER EXTENSION "{name}" ADD EVENT TRIGGER watcher',
    ):
        query(migrated, statement)
    do_reset(migrated, folder)
    assert query(migrated, "SELECT count(*) FROM pg_event_trigger") == [(0,)]
    assert query(migrated, "SELECT count(*) FROM pg_extension WHERE extname <> 'plpgsql'") == [(0,)]
