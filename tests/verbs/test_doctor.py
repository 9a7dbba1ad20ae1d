"""The verb doctor: every illness found, named and counted; what it writes mends it; nothing is changed by looking."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from aftermath import FIXTURES, MIGRATIONS, attempt
from conftest import Connect, fresh_database, majors, query
from console import Sqlrail, catalog, put, sqlrail
from listeners import Heard
from psycopg import sql
from waiting import wait_for

from sqlrail.errors import ConnectionLost, DatabaseFailed
from sqlrail.ground.settings import Settings
from sqlrail.server import local
from sqlrail.verbs.doctor import Finding, doctor, write

__all__ = ["sqlrail"]  # the fixture

ILLNESSES = {
    name: (expected, text)
    for name, expected, text in (
        re.split(r"\n(?:-- > )?", part, maxsplit=2)
        for part in re.split(r"^-- # ", (FIXTURES / "illnesses.sql").read_text(), flags=re.MULTILINE)[1:]
    )
}
HOSTILE = "Od\"d %s {x} '; DROP TABLE keep; -- 日本"


class Ward:
    """A database, and a folder of migrations that grows with what was written."""

    def __init__(self, url: str, folder: Path) -> None:
        put({"001_first.sql": "SELECT 1;"}, folder)
        self.url, self.settings = url, Settings(database_url=url, environment="test", migrations=folder)

    def plant(self, text: str) -> None:
        query(self.url, "DROP SCHEMA IF EXISTS s CASCADE")
        query(self.url, f"CREATE SCHEMA s; {text}")

    def look(self, *, quick: bool = False) -> tuple[Finding, ...]:
        return doctor(self.settings, Heard(), quick=quick).findings

    def mend(self) -> list[str]:
        """Writes what mends it, and migrates; the texts of the files."""
        made = write(self.settings, doctor(self.settings, Heard()), "mend")
        texts = [one.path.read_text() for one in made]
        failure = attempt(self.url, Heard(), self.settings.migrations)
        for one in made if failure else ():
            one.path.unlink()
        assert failure is None, texts
        return texts


@pytest.fixture(scope="module")
def ward(server: local.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    with fresh_database(server) as url:
        yield Ward(url, tmp_path_factory.mktemp("doctor"))


def told(one: Finding) -> str:
    mark = "" if one.is_mended else "! "
    return f"{mark}{one.kind} {one.table} {one.object} {'-' if one.count is None else one.count}"


@pytest.mark.parametrize("name", ILLNESSES)
def test_an_illness_is_found_and_what_is_written_mends_it(name: str, ward: Ward) -> None:
    expected, text = ILLNESSES[name]
    ward.plant(text)
    assert [told(one) for one in ward.look()] == [expected]
    left = [expected] if expected.startswith("! ") else []
    ward.mend()
    assert [told(one) for one in ward.look()] == left


def test_there_are_twenty_five_illnesses_and_more() -> None:
    assert len(ILLNESSES) >= 40


# What is well


HEALTHY = {
    "keys with indexes in another order": """
        CREATE TABLE s.users (a int, b int, PRIMARY KEY (a, b));
        CREATE TABLE s.posts (id int PRIMARY KEY, a int, b int, n int, FOREIGN KEY (a, b) REFERENCES s.users);
        CREATE INDEX ON s.posts (b, a, n)""",
    "a key that is the primary key": """
        CREATE TABLE s.users (id int PRIMARY KEY);
        CREATE TABLE s.user_options (user_id int PRIMARY KEY REFERENCES s.users)""",
    "columns like a key of another type, of no table, of several": """
        CREATE TABLE s.sessions (id uuid PRIMARY KEY);
        CREATE TABLE s.posts (id int PRIMARY KEY);
        CREATE TABLE s.t (id int PRIMARY KEY, session_id text, google_id int, post_id int, post_type text, paid int)""",
    "the same checks of two tables, other unique ones, other indexes": """
        CREATE TABLE s.t (id int PRIMARY KEY, n int CHECK (n > 0), m text UNIQUE NULLS NOT DISTINCT);
        CREATE TABLE s.u (id int PRIMARY KEY, n int CHECK (n > 0), m text, UNIQUE (m, n), UNIQUE (n, m));
        CREATE INDEX ON s.t (n); CREATE INDEX ON s.t (n DESC); CREATE INDEX ON s.t (n) WHERE n > 0;
        CREATE INDEX ON s.t (n, id); CREATE INDEX ON s.t (m text_pattern_ops);
        CREATE INDEX ON s.t USING hash (n); CREATE INDEX ON s.t (m COLLATE "C")""",
    "partitions, with keys to them": """
        CREATE TABLE s.users (id int PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE s.users_1 PARTITION OF s.users FOR VALUES FROM (0) TO (9);
        CREATE TABLE s.users_2 PARTITION OF s.users DEFAULT;
        CREATE TABLE s.posts (id int PRIMARY KEY, user_id int REFERENCES s.users) PARTITION BY RANGE (id);
        CREATE TABLE s.posts_1 PARTITION OF s.posts DEFAULT;
        CREATE INDEX ON s.posts (user_id)""",
    "sequences that begin again, have room, or were never asked": """
        CREATE SEQUENCE s.a MAXVALUE 4 CYCLE; SELECT setval('s.a', 4); CREATE SEQUENCE s.b MINVALUE 3 MAXVALUE 4;
        CREATE TABLE s.t (id serial PRIMARY KEY); SELECT setval('s.t_id_seq', 1600000000);
        CREATE SEQUENCE s.c INCREMENT -1""",
    "views, foreign tables, temporary tables": """
        CREATE VIEW s.v AS SELECT 1 AS user_id; CREATE MATERIALIZED VIEW s.m AS SELECT 1 AS user_id;
        CREATE TEMP TABLE t (id int); CREATE TYPE s.c AS (user_id int)""",
}  # fmt: skip


@pytest.mark.parametrize("name", HEALTHY)
def test_what_is_well_is_not_found(name: str, ward: Ward) -> None:
    ward.plant(HEALTHY[name])
    assert ward.look() == ()


def test_the_shipped_migrations_are_well_and_what_they_take_over_is_but_for_what_they_leave(
    database: str, server: local.Server
) -> None:
    with fresh_database(server) as other:
        query(other, (FIXTURES / "orm.sql").read_text())
        told_before = doctor(Settings(database_url=other, migrations=MIGRATIONS), Heard()).findings
        assert {"duplicate_constraint", "missing_key", "unindexed_key"} <= {one.kind for one in told_before}
        for url in (database, other):
            assert attempt(url, Heard()) is None
        fresh, taken_over = (
            doctor(Settings(database_url=url, migrations=MIGRATIONS), Heard()).findings
            for url in (database, other)
        )
    assert fresh == ()
    # What is there twice and harms nobody, the files leave to their reader.
    assert [told(one) for one in taken_over] == [
        "duplicate_constraint public.users constraint users_email_key1 -"
    ]


def test_all_illnesses_of_a_database_are_mended_at_once(ward: Ward) -> None:
    parts = [
        text.replace("s.", f"s{number}.")
        for number, (expected, text) in enumerate(ILLNESSES.values())
        if not expected.startswith("! ")
    ]
    schemas = sorted({name for text in parts for name in re.findall(r"\bs[0-9]+(?=\.)", text)})
    ward.plant("".join(f"CREATE SCHEMA {name};" for name in schemas) + "".join(parts))
    assert len(ward.look()) == len(parts)
    ward.mend()
    left = ward.look()
    query(ward.url, "".join(f"DROP SCHEMA {name} CASCADE;" for name in schemas))
    assert left == ()


# How it looks


@pytest.mark.parametrize("name", [HOSTILE, HOSTILE.replace("{x}", "\n\r")], ids=["one line", "several"])
def test_hostile_names_are_found_and_mended(
    name: str, database: str, tmp_path: Path, sqlrail: Sqlrail
) -> None:
    ward = Ward(database, tmp_path / "files")
    h = sql.Identifier(name)
    users, of = sql.Identifier(name[:20]), sql.Identifier(f"{name[:20]}_id")
    text = sql.SQL("""
        CREATE TABLE keep (id int PRIMARY KEY);
        CREATE SCHEMA {h};
        CREATE TABLE {h}.{users} ({h} int PRIMARY KEY, "%s" int CONSTRAINT {h} UNIQUE);
        ALTER TABLE {h}.{users} ADD UNIQUE ("%s");
        INSERT INTO {h}.{users} VALUES (1);
        CREATE TABLE {h}."%" ({h} serial, "Ids" int NOT NULL, {of} int, "k" int REFERENCES {h}.{users} ({h}));
        CREATE UNIQUE INDEX {i} ON {h}."%" ("Ids");
        INSERT INTO {h}."%" VALUES (1, 1, 1), (2, 2, 2);
        ALTER TABLE {h}."%" ADD CONSTRAINT {h} CHECK ({h} > 0) NOT VALID, ADD UNIQUE ("k"), ADD UNIQUE ("k");
        """).format(h=h, users=users, of=of, i=sql.Identifier(name[1:]))
    ward.plant(text.as_string())
    kinds = sorted(one.kind for one in ward.look())
    several = "\n" in name
    assert kinds == sorted(["duplicate_constraint"] * 2 + ["not_valid", "missing_key", "no_primary_key"])
    arguments = ("--database-url", ward.url, "--migrations", str(ward.settings.migrations))
    shown = sqlrail("doctor", *arguments)
    assert shown.code == 0
    assert all(line.isprintable() for line in shown.out.split("\n"))
    if several:  # no directive can name them: what has to go first, goes by hand
        assert [one.kind for one in ward.look() if not one.is_mended] == ["missing_key"]
        query(ward.url, sql.SQL('DELETE FROM {}."%" WHERE "Ids" = 2').format(h).as_string())
    ward.mend()
    assert ward.look() == ()
    assert query(ward.url, "SELECT count(*) FROM keep") == [(0,)]


def test_check_exits_with_4_and_looking_changes_nothing(database: str, sqlrail: Sqlrail) -> None:
    put({"migrations/001_x.sql": "SELECT 1;"})
    there = ("doctor", "--database-url", database)
    fine = sqlrail(*there, "--check")
    assert (fine.code, fine.out.count("\n"), fine.out[:17]) == (0, 1, "nothing unhealthy")
    query(
        database,
        """CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE posts (id int PRIMARY KEY, user_id int);
           INSERT INTO users VALUES (1); INSERT INTO posts VALUES (1, 1), (2, 2)""",
    )
    before = catalog(database)
    found = sqlrail(*there, "--check", "--json")
    assert found.code == 4
    (one,) = found.document["findings"]
    key = "CONSTRAINT posts_user_id_fkey"
    assert one == {
        "kind": "missing_key", "table": "public.posts", "object": "column user_id",
        "reason": one["reason"], "advice": None, "count": 1, "uncounted": None,
        "relation": "public.posts.user_id -> public.users.id",
        "now": [f"ALTER TABLE public.posts ADD {key} FOREIGN KEY (user_id) REFERENCES public.users (id) NOT VALID"],
        "later": ["CREATE INDEX CONCURRENTLY ON public.posts (user_id)", f"ALTER TABLE public.posts VALIDATE {key}"],
    }  # fmt: skip
    assert found.document["made"] == []
    assert sqlrail(*there).code == 0
    (quick,) = sqlrail(*there, "--quick", "--json").document["findings"]
    assert (quick["count"], quick["now"]) == (None, one["now"])
    assert catalog(database) == before
    assert [path.name for path in Path("migrations").iterdir()] == ["001_x.sql"]


def test_what_is_written_is_two_files_that_migrate_runs(database: str, sqlrail: Sqlrail) -> None:
    put({"migrations/001_x.sql": "SELECT 1;"})
    query(
        database,
        """CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE posts (id int PRIMARY KEY, user_id int);
           INSERT INTO users VALUES (1); INSERT INTO posts VALUES (1, 1), (2, 2)""",
    )
    there = ("--database-url", database)
    made = sqlrail("doctor", *there, "--write", "mend the posts", "--json").document["made"]
    assert [one["id"] for one in made] == ["002_mend_the_posts", "003_mend_the_posts"]
    first, second = (Path(one["path"]).read_text() for one in made)
    assert "-- depends: 001_x\n-- cleanup: public.posts.user_id -> public.users.id\n" in first
    assert "-- depends: 002_mend_the_posts\n-- transactional: false\n" in second
    assert sqlrail("migrate", *there).code == 0
    assert sqlrail("doctor", *there, "--json").document["findings"] == []
    assert query(database, "SELECT id FROM posts") == [(1,)]
    nothing = sqlrail("doctor", *there, "--write")
    assert (nothing.code, "made" in nothing.out, "no file was made" in nothing.err) == (0, False, True)
    assert len(list(Path("migrations").iterdir())) == 3


def test_a_name_that_is_none_is_refused_before_anything_is_asked(sqlrail: Sqlrail) -> None:
    put({"migrations/001_x.sql": "SELECT 1;"})
    ended = sqlrail("doctor", "--database-url", "postgresql://127.0.0.1:1/x", "--write", "日本")
    assert (ended.code, "letters a to z" in ended.err) == (2, True)


def test_rows_that_are_kept_for_too_long_are_found(database: str, sqlrail: Sqlrail) -> None:
    put({"migrations/001_x.sql": "SELECT 1;"})
    query(
        database,
        """CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE posts (id int PRIMARY KEY, user_id int);
           INSERT INTO users VALUES (1); INSERT INTO posts VALUES (1, 1), (2, 2), (3, 3)""",
    )
    there = ("--database-url", database)
    assert sqlrail("cleanup", *there, "--relation", "posts.user_id -> users.id").code == 0
    query(database, "DROP TABLE posts; UPDATE sqlrail.run SET started_at = now() - interval '91 days'")
    assert sqlrail("doctor", *there, "--retention", "100d", "--json").document["findings"] == []
    (one,) = sqlrail("doctor", *there, "--json").document["findings"]
    assert (one["kind"], one["count"]) == ("old_archive", 2)
    assert "archive purge --older-than 90d --yes" in one["advice"]
    assert sqlrail("archive", "purge", "--older-than", "90d", "--yes", *there).code == 0
    assert sqlrail("doctor", *there, "--json").document["findings"] == []


def test_files_and_records_that_disagree_are_found(database: str, sqlrail: Sqlrail) -> None:
    put({"migrations/001_x.sql": "SELECT 1;", "migrations/002_y.sql": "SELECT 2;"})
    there = ("--database-url", database)
    assert sqlrail("migrate", *there).code == 0
    put({"migrations/001_x.sql": "SELECT 3;", "migrations/003_z.sql": "SELECT 4;"})
    Path("migrations/002_y.sql").unlink()
    found = sqlrail("doctor", *there, "--json").document["findings"]
    assert [(one["kind"], one["object"]) for one in found] == [("history", "001_x"), ("history", "002_y")]


@pytest.mark.parametrize("sees", ["nothing", "the schema"])
def test_what_a_role_may_not_read_is_found_and_not_counted(sees: str, ward: Ward) -> None:
    ward.plant(
        """CREATE TABLE s.users (id int PRIMARY KEY);
           CREATE TABLE s.posts (id int PRIMARY KEY, user_id int, CONSTRAINT c CHECK (id > 0));
           CREATE INDEX ON s.posts (user_id); ALTER TABLE s.posts DROP CONSTRAINT c;
           ALTER TABLE s.posts ADD CONSTRAINT c CHECK (id > 0) NOT VALID;
           CREATE ROLE blind; GRANT SELECT ON _yoyo_migration, _yoyo_log TO blind"""
    )
    if sees == "the schema":
        query(ward.url, "GRANT USAGE ON SCHEMA s TO blind")
    try:
        url = f"{ward.url}&options=-crole%3Dblind"
        found = doctor(Settings(database_url=url, migrations=ward.settings.migrations), Heard()).findings
    finally:
        query(ward.url, "DROP OWNED BY blind; DROP ROLE blind")
    assert [(one.kind, one.count) for one in found] == [("not_valid", None), ("missing_key", None)]
    assert all("permission denied" in (one.uncounted or "") for one in found)


def test_a_count_that_takes_too_long_is_given_up(ward: Ward) -> None:
    ward.plant(
        """CREATE FUNCTION s.slow(int) RETURNS bool LANGUAGE sql AS 'SELECT pg_sleep(5) IS NOT NULL';
           CREATE TABLE s.t (id int PRIMARY KEY); INSERT INTO s.t VALUES (1);
           ALTER TABLE s.t ADD CHECK (s.slow(id)) NOT VALID"""
    )
    settings = Settings(database_url=ward.url, migrations=ward.settings.migrations, statement_timeout=1.0)
    (one,) = doctor(settings, Heard()).findings
    assert (one.count, one.is_mended) == (None, True)
    assert "timeout" in (one.uncounted or "")


def test_a_table_that_is_locked_is_waited_for_no_longer_than_any(ward: Ward, connect: Connect) -> None:
    ward.plant("CREATE TABLE s.t (id int PRIMARY KEY); ALTER TABLE s.t ADD CHECK (id > 0) NOT VALID")
    settings = Settings(database_url=ward.url, migrations=ward.settings.migrations, lock_timeout=0.2)
    with connect(ward.url).transaction() as holding:
        holding.connection.execute("LOCK TABLE s.t")
        try:
            (one,) = doctor(settings, Heard()).findings
            said = one.uncounted or ""
        except DatabaseFailed as exc:  # where to spell a constraint needs a lock
            said = str(exc)
            assert "LOCK TABLE s.t" in said
    assert "lock timeout" in said


def test_keys_that_are_there_twice_need_one_index(ward: Ward) -> None:
    ward.plant(
        """CREATE TABLE s.users (id int PRIMARY KEY);
           CREATE TABLE s.posts (id int PRIMARY KEY, user_id int CONSTRAINT zz REFERENCES s.users);
           ALTER TABLE s.posts ADD CONSTRAINT a FOREIGN KEY (user_id) REFERENCES s.users NOT VALID"""
    )
    assert [one.kind for one in ward.look()] == ["duplicate_constraint", "unindexed_key"]
    ward.mend()
    assert ward.look() == ()


def test_an_index_that_is_being_built_is_left_alone(ward: Ward, connect: Connect) -> None:
    ward.plant("CREATE TABLE s.t (id int PRIMARY KEY, n int)")
    writer, builder = connect(ward.url), connect(ward.url)
    with writer.transaction():
        writer.execute("INSERT INTO s.t VALUES (1)")
        builder.pgconn.send_query(b"CREATE INDEX CONCURRENTLY i ON s.t (n)")
        builder.pgconn.flush()
        building = "SELECT 1 FROM pg_stat_progress_create_index WHERE index_relid > 0"
        wait_for(lambda: query(ward.url, building), "the index being built", 10)
        assert query(ward.url, "SELECT indisvalid FROM pg_index WHERE indexrelid = 's.i'::regclass") == [
            (False,)
        ]
        assert ward.look() == ()
    while builder.pgconn.get_result():
        pass
    assert ward.look() == ()


@pytest.mark.skipif(max(majors(), default=0) < 18, reason="needs PostgreSQL 18")
def test_a_not_null_that_is_not_valid_is_found_and_a_check_that_is_not_enforced_is_well(ward: Ward) -> None:
    ward.plant(
        """CREATE TABLE s.users (id int PRIMARY KEY);
           CREATE TABLE s.t (id int PRIMARY KEY, n int, user_id int REFERENCES s.users NOT ENFORCED,
                             CHECK (n > 0) NOT ENFORCED);
           CREATE INDEX ON s.t (user_id); ALTER TABLE s.t ADD CONSTRAINT c NOT NULL n NOT VALID"""
    )
    first, second = ward.look()
    assert (told(first), second.kind) == ("not_valid s.t constraint c 0", "not_enforced")
    ward.mend()
    assert [one.kind for one in ward.look()] == ["not_enforced"]


def test_pending_files_are_told_of(sqlrail: Sqlrail, database: str) -> None:
    put({"migrations/001_x.sql": "SELECT 1;"})
    assert "1 file is pending" in sqlrail("doctor", "--database-url", database).err


def test_a_column_is_rewritten_only_where_it_is_what_ends(ward: Ward) -> None:
    ward.plant(ILLNESSES["a sequence near an end of its own, long before its column's"][1])
    (one,) = ward.look()
    assert one.now == ("ALTER SEQUENCE s.t_id_seq AS bigint NO MAXVALUE",)


def test_a_connection_that_is_lost_while_counting_is_told_as_that(ward: Ward) -> None:
    ward.plant(
        """CREATE FUNCTION s.die(int) RETURNS bool LANGUAGE sql AS 'SELECT pg_terminate_backend(pg_backend_pid())';
           CREATE TABLE s.t (id int PRIMARY KEY); INSERT INTO s.t VALUES (1);
           ALTER TABLE s.t ADD CHECK (s.die(id)) NOT VALID"""
    )
    with pytest.raises(ConnectionLost, match="Run again"):
        ward.look()


@pytest.mark.parametrize(
    ("setup", "kind", "says"),
    [(("CREATE TABLE s (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);"
      "INSERT INTO s OVERRIDING SYSTEM VALUE SELECT n FROM generate_series(1, 9) AS n"),
      "sequence_behind", "it goes up to 9, and its sequence public.s_id_seq stands at 0"),
     (('CREATE TABLE "S %s" ("I d" bigserial PRIMARY KEY, n int); INSERT INTO "S %s" VALUES (5, 1); '
      "INSERT INTO \"S %s\" (n) VALUES (2)"), "sequence_behind", "it goes up to 5"),
     (("CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, p int UNIQUE REFERENCES p);"
      "ALTER TABLE c DISABLE TRIGGER ALL"), "disabled_trigger", "triggers of public.c are disabled"),
     (("CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, p int UNIQUE REFERENCES p);"
      "ALTER TABLE p DISABLE TRIGGER ALL"), "disabled_trigger", "triggers of public.p are disabled"),
     (("CREATE COLLATION site (provider = libc, locale = 'C.UTF-8');"
      "UPDATE pg_collation SET collversion = '1.2.3' WHERE collname = 'site'"), "stale_collation", "was 1.2.3"),
     (("CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, p int UNIQUE);"
      "ALTER TABLE c ADD FOREIGN KEY (p) REFERENCES p NOT ENFORCED"), "not_enforced", "it is NOT ENFORCED")],
    ids=["identity", "serial", "child", "parent", "collation", "key"],
)  # fmt: skip
def test_what_looks_sound_and_is_not(
    any_database: str, setup: str, kind: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / "001_a.sql").write_text("SELECT 1;")
    with psycopg.connect(any_database, autocommit=True) as connection:
        if "ENFORCED" in setup and connection.info.server_version < 180000:
            pytest.skip("NOT ENFORCED came with PostgreSQL 18")
        connection.execute(setup.encode())

    def look() -> list[Finding]:
        there = Settings(database_url=any_database, environment="test", migrations=tmp_path)
        return list(doctor(there, Heard()).findings)

    (one,) = look()
    assert (one.kind, says in one.reason) == (kind, True)
    with psycopg.connect(any_database, autocommit=True) as connection:
        for statement in one.now:
            connection.execute(statement.encode())
    assert bool(one.now) == (look() == [])


ORDERS = """
    CREATE TABLE "Orders" (tenant int, id int, PRIMARY KEY (tenant, id));
    CREATE TABLE parcels (n int PRIMARY KEY, "Tenant" int, order_id int);
    INSERT INTO "Orders" VALUES (1, 1);
    INSERT INTO parcels VALUES (1, 1, 1), (2, NULL, NULL), (3, 1, NULL), (4, NULL, 7), (5, 1, 9);
    CREATE INDEX ON parcels ("Tenant", order_id);
    ALTER TABLE parcels ADD CONSTRAINT k FOREIGN KEY ("Tenant", order_id) REFERENCES "Orders" MATCH FULL
        ON DELETE CASCADE NOT VALID
"""


def test_half_a_key_is_found_where_the_key_forbids_it_and_left_to_be_mended(
    any_database: str, sqlrail: Sqlrail, tmp_path: Path
) -> None:
    (tmp_path / "001_a.sql").write_text("SELECT 1;")
    query(any_database, ORDERS)
    there = Settings(database_url=any_database, environment="test", migrations=tmp_path)
    (one,) = doctor(there, Heard()).findings
    assert (one.kind, one.count, one.now, one.later) == ("not_valid", 3, (), ())
    assert one.advice is not None
    assert "2 rows have a null in some of its columns and not in all" in one.advice
    question = one.advice[one.advice.index("SELECT") :]
    assert sorted(query(any_database, question)) == [(3, 1, None), (4, None, 7)]

    looks = [["--dry-run"], []]
    for flags in looks:
        done = sqlrail(
            "cleanup", *flags, "--json", "--database-url", any_database, "--migrations", str(tmp_path)
        )
        (relation,) = done.document["relations"]
        assert (done.code, relation["orphans"], relation["mixed_keys"]) == (0, 1, 2), done.err
    assert query(any_database, "SELECT n FROM parcels ORDER BY n") == [(1,), (2,), (3,), (4,)]
    told = sqlrail("cleanup", "--all", "--database-url", any_database, "--migrations", str(tmp_path))
    assert "left for you to mend: 2 rows have a null in some of its columns" in told.out
    assert question in told.out

    query(any_database, question.replace("SELECT *", "DELETE", 1))
    (one,) = doctor(there, Heard()).findings
    assert (one.count, one.later) == (0, ("ALTER TABLE public.parcels VALIDATE CONSTRAINT k",))
    query(any_database, one.later[0])
    assert doctor(there, Heard()).findings == ()


def test_half_a_key_is_nobody_s_orphan_where_the_key_allows_it(database: str, tmp_path: Path) -> None:
    (tmp_path / "001_a.sql").write_text("SELECT 1;")
    query(database, ORDERS.replace("MATCH FULL", ""))
    there = Settings(database_url=database, environment="test", migrations=tmp_path)
    (one,) = doctor(there, Heard()).findings
    assert (one.kind, one.count, str(one.relation)) == (
        "not_valid", 1, 'public.parcels.("Tenant", order_id) -> public."Orders".(tenant, id)'
    )  # fmt: skip


STAYS = {
    "covered by one": ("(1, '[2024-02-01,2024-03-01)')", 0),
    "covered by two together": ("(1, '[2024-02-01,2024-09-01)')", 0),
    "beyond the last": ("(1, '[2024-02-01,2025-09-01)')", 1),
    "in a gap": ("(2, '[2024-02-01,2024-08-01)')", 1),
    "of nobody": ("(9, '[2024-02-01,2024-03-01)')", 1),
    "without a key": ("(NULL, '[2024-02-01,2024-03-01)')", 0),
    "without a period": ("(1, NULL)", 0),
    "for ever": ("(3, '[2024-02-01,)')", 0),
}


@pytest.mark.parametrize(("row", "wrong"), [*STAYS.values()], ids=[*STAYS])
@pytest.mark.parametrize("type_", ["daterange", "datemultirange"])
def test_a_temporal_key_is_counted_by_what_its_parents_cover_together(
    database: str, tmp_path: Path, type_: str, row: str, wrong: int
) -> None:
    if query(database, "SELECT current_setting('server_version_num')::int < 180000") == [(True,)]:
        pytest.skip("PERIOD came with PostgreSQL 18")
    (tmp_path / "001_a.sql").write_text("SELECT 1;")
    multi = "multi" in type_
    put_in = re.sub(r"'(.+?)'", r"'{\1}'", row) if multi else row
    query(
        database,
        f"""CREATE TABLE "Rooms" (id int4range, "During" {type_}, PRIMARY KEY (id, "During" WITHOUT OVERLAPS));
        CREATE TABLE stays (room int4range, during {type_});
        INSERT INTO "Rooms" SELECT int4range(id, id, '[]'), during::{type_} FROM (VALUES
            (1, '[2024-01-01,2024-06-01)'::daterange), (1, '[2024-06-01,2025-01-01)'), (2, '[2024-01-01,2024-03-01)'),
            (2, '[2024-07-01,2025-01-01)'), (3, '[2024-01-01,)')) AS v(id, during);
        INSERT INTO stays SELECT CASE WHEN room > 0 THEN int4range(room, room, '[]') END, during
            FROM (VALUES (0, NULL::{type_}), {put_in}) AS v(room, during) WHERE room IS DISTINCT FROM 0;
        ALTER TABLE stays ADD CONSTRAINT k FOREIGN KEY (room, PERIOD during) REFERENCES "Rooms" (id, PERIOD "During")
            NOT VALID""",
    )
    there = Settings(database_url=database, environment="test", migrations=tmp_path)
    found = {one.kind: one for one in doctor(there, Heard()).findings}
    assert set(found) == {"not_valid", "no_primary_key"}
    one = found["not_valid"]
    assert (one.count, one.uncounted, one.relation, one.now) == (wrong, None, None, ())
    assert "may have no parent for all of their period" in one.reason
    again = "INSERT INTO stays SELECT * FROM stays"  # VALIDATE of 18.6 is content with a parent of a part
    if wrong:
        assert one.later == ()
        assert one.advice is not None
        assert len(query(database, one.advice[one.advice.index("SELECT") :])) == wrong
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            query(database, again)
    else:
        assert one.later == ("ALTER TABLE public.stays VALIDATE CONSTRAINT k",)
        query(database, again)
