"""A database in which look-alikes lie in front of PostgreSQL's own, and a story over the verbs, told in chapters."""

from __future__ import annotations

import io
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import psycopg
import pytest
from conftest import ROOT, clean_environment
from console import Outcome, called, put
from waiting import wait_for

from sqlrail.adopting.recognising import TOOLS
from sqlrail.engine import store
from sqlrail.engine.store import KEY
from sqlrail.errors import Refused
from sqlrail.ground.events import nobody
from sqlrail.ground.kinds import parse
from sqlrail.ground.settings import Settings
from sqlrail.orphans import indexed, placed
from sqlrail.postgres import wire
from sqlrail.testing.template import Way, template
from sqlrail.verbs.apply import migrate, status
from sqlrail.verbs.cleanup import cleanup
from sqlrail.verbs.many import Many
from sqlrail.verbs.restore import restore

Connection = psycopg.Connection[Any]
LOOKALIKES = (Path(__file__).parents[1] / "lookalikes.sql").read_bytes()
#: one schema to write to, one where somebody else may create, and only then PostgreSQL's own
PATH = "public, information_schema, pg_catalog"
#: what takes away whatever a chapter has made
EMPTY = b"""
    SET client_min_messages = warning;
    SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid();
    DROP EVENT TRIGGER IF EXISTS refusing;
    ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC;
    DROP SCHEMA IF EXISTS public, sqlrail, other, newt CASCADE;
    SET allow_system_table_mods = on;
    DROP TABLE IF EXISTS pg_catalog.pg_dist_partition;
    RESET allow_system_table_mods;
    CREATE SCHEMA public;
    GRANT USAGE ON SCHEMA public TO PUBLIC;
"""
#: what look-alikes answer, arrays of those types, and those that fit as well as PostgreSQL's own
CAUGHT = r'of a shell type|is only a shell|type "\w+\[\]" does not exist|is not unique'

FILES = {
    "migrations/001_tables.sql": """
        CREATE TABLE users (id int PRIMARY KEY);
        CREATE TABLE orders (id int PRIMARY KEY, user_id int, note varchar);
        CREATE TABLE lines (
            id int PRIMARY KEY, order_id int REFERENCES orders ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
        );
        CREATE TABLE pets (id int PRIMARY KEY, user_id int);
        CREATE TABLE heaps (id int);
    """,
    "migrations/001_tables.rollback.sql": "DROP TABLE heaps, pets, lines, orders, users",
    "migrations/002_key.sql": """-- cleanup: orders.user_id -> users.id
        ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;
    """,
    "migrations/002_key.rollback.sql": "ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey",
    "migrations/003_pets.sql": """
        ALTER TABLE pets ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL NOT VALID;
    """,
    "migrations/003_pets.rollback.sql": "ALTER TABLE pets DROP CONSTRAINT pets_user_id_fkey",
    "migrations/004_index.sql": """-- transactional: false
        CREATE INDEX CONCURRENTLY orders_user_id ON orders (user_id);
        REINDEX TABLE CONCURRENTLY orders;
    """,
    "migrations/004_index.rollback.sql": "DROP INDEX CONCURRENTLY orders_user_id",
    "migrations/post-apply.sql": "GRANT SELECT ON orders TO PUBLIC",
}  # fmt: skip
DEMANDS = {
    "migrations/002_demands.sql": """
        SELECT count(*) FROM users;
        ALTER TABLE orders ALTER note SET NOT NULL, ADD UNIQUE (user_id), ADD CHECK (1 / (id - 1) > 0);
        ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users, ADD EXCLUDE USING btree (note WITH =);
        ALTER TABLE orders ADD EXCLUDE USING gist (int4range(id, id + 2) WITH &&);
        ALTER TABLE orders ALTER user_id TYPE smallint USING (user_id - 2)::text::smallint;
        ALTER TABLE IF EXISTS nobodys ALTER n TYPE text USING n;
    """,
    "migrations/003_outside.sql": """-- transactional: false
        ALTER TABLE pets ALTER user_id TYPE smallint USING user_id::int;
        ALTER TABLE IF EXISTS nobodys ALTER n TYPE text USING n;
    """,
}  # fmt: skip
#: some that a file makes, so that a scratch database has them as well
OF_A_FILE = "".join(
    f"CREATE FUNCTION {each} LANGUAGE internal AS 'shell_in';"
    for each in (
        "met(pg_catalog.internal) RETURNS pg_catalog.internal",
        "current_setting(pg_catalog.text) RETURNS pg_catalog.text SUPPORT met",
        "format_type(pg_catalog.oid, int) RETURNS pg_catalog.text SUPPORT met",
        "set_config(pg_catalog.text, pg_catalog.text, boolean) RETURNS pg_catalog.text SUPPORT met",
    )
)
ROWS = """
    INSERT INTO users VALUES (1), (2);
    INSERT INTO orders SELECT n, n % 4 FROM generate_series(1, 40) AS n;
    INSERT INTO lines SELECT n, n FROM generate_series(1, 40) AS n;
    INSERT INTO pets SELECT n, n % 4 FROM generate_series(1, 8) AS n;
"""


class Met(AssertionError):
    """A statement of ours met a look-alike."""


class Scene:
    """A database of the story, and an empty folder that we work in."""

    def __init__(self, url: str, own: Connection) -> None:
        self.url = url
        #: somebody's connection that is spared
        self.own = own
        self.name = own.info.dbname
        self._log = Path(own.info.host).parent / "log"
        self._read = self._log.stat().st_size

    def begin(self, statements: str) -> None:
        """A first migration, and what somebody has made since."""
        put({"migrations/001_a.sql": "SELECT"})
        self.safe("migrate")
        self.own.execute(statements.encode())

    def look(self) -> None:
        """Met if the server has said so since the last look, to whomever, who may have passed over it."""
        with self._log.open(errors="replace") as log:
            log.seek(self._read)
            text = log.read()
        self._read += len(text.encode(errors="replace"))
        if met := re.findall(rf"(?s)ERROR:[^\n]*(?:{CAUGHT}).*?STATEMENT:[^\n]*(?:\n\t[^\n]*)*", text):
            raise Met("\n".join(met))

    def safe(self, *arguments: str, code: int = 0, url: str | None = None) -> Outcome:
        """What a verb says, which ends as told and meets no look-alike."""
        env = {**clean_environment(), "SQLRAIL_ENV": "development", "DATABASE_URL": url or self.url}
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            done = called(arguments, env)
        self.look()
        assert done == code, (arguments, out.getvalue(), err.getvalue())
        return Outcome(done, out.getvalue(), err.getvalue())

    def run(self, script: str) -> None:
        """Runs it in a session for which names lead to look-alikes."""
        with psycopg.connect(self.url, autocommit=True) as session:
            session.execute(script.encode())

    @contextmanager
    def letting_go_once_watched(self) -> Iterator[None]:
        """Ends somebody's transaction when the watcher of who waits for it has looked, or has failed to."""
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(self._let_go_once_watched)
            yield
            waiting.result()

    def _let_go_once_watched(self) -> None:
        looked = """
            SELECT FROM pg_stat_activity
             WHERE application_name ~ '^watcher' AND query ~ '^BEGIN READ ONLY' AND state <> 'active'
        """
        with psycopg.connect(self.url, autocommit=True, options="-c search_path=public") as other:
            wait_for(lambda: other.execute(looked).rowcount, "the watcher has looked")
        self.own.rollback()


Chapter = Callable[[Scene], None]
CHAPTERS: dict[str, Chapter] = {}


def chapter(tell: Chapter) -> Chapter:
    CHAPTERS[tell.__name__] = tell
    return tell


@chapter
def migrating(scene: Scene) -> None:
    put(FILES)
    scene.safe("status")
    scene.safe("migrate", "--to", "001")
    scene.own.execute(ROWS.encode())
    scene.safe("migrate", "--json")
    scene.safe("migrate")
    scene.safe("status", "--check")
    scene.safe("rollback", "--steps", "3")
    scene.safe("migrate")
    put({"migrations/post-apply.sql": "GRANT SELECT ON pets TO PUBLIC"})
    scene.safe("status", "--check", code=4)
    scene.safe("migrate")
    Path("migrations/004_index.sql").unlink()
    scene.safe("rollback", "--stored")


@chapter
def renaming(scene: Scene) -> None:
    put(FILES)
    scene.safe("migrate")
    for end in ("sql", "rollback.sql"):
        Path(f"migrations/003_pets.{end}").rename(f"migrations/003_cats.{end}")
    scene.safe("repair", "--yes")
    scene.safe("stamp", "test", "--name", scene.name)


@chapter
def forgetting(scene: Scene) -> None:
    put(FILES)
    scene.safe("migrate")
    for end in ("sql", "rollback.sql"):
        Path(f"migrations/003_pets.{end}").unlink()
    scene.safe("repair", "--forget", "003", "--yes")


@chapter
def taking_over(scene: Scene) -> None:
    put({"migrations/001_a.sql": "CREATE TABLE a ()"})
    scene.own.execute(
        "CREATE TABLE schema_migrations (version varchar); INSERT INTO schema_migrations VALUES ('001')"
    )
    scene.safe("status")
    scene.own.execute(
        "DROP TABLE schema_migrations; CREATE TABLE _yoyo_migration (id varchar(191), ctime timestamp)"
    )
    scene.safe("status", code=1)
    scene.safe("migrate")
    moved = ("_yoyo_migration", "_yoyo_log", "_yoyo_version", "yoyo_lock")
    scene.own.execute("CREATE SCHEMA other")
    for table in moved:
        scene.own.execute(f"ALTER TABLE {table} SET SCHEMA other".encode())
    scene.safe("status")


#: each tool's first file, and its history, as far as that is read; SUM is what it keeps of the file
OTHER_TOOLS = {
    "dbmate": ("1_a.sql", "version varchar", "'1'"),
    "golang-migrate": ("1_a.up.sql", "version bigint, dirty boolean", "1, false"),
    "goose": ("1_a.sql", "id int, version_id bigint, is_applied boolean, tstamp timestamp", "1, 1, true, now()"),
    "sqlx": (
        "1_a.sql", "version bigint, installed_on date, success bool, checksum bytea", "1, now(), true, '\\xSUM'"
    ),
    "Flyway": (
        "V1__a.sql",
        "installed_rank int, version text, type text, script text, checksum int, installed_on date, success bool",
        "1, '1', 'SQL', 'V1__a.sql', SUM, now(), true",
    ),
    "node-pg-migrate": ("1_a.sql", "id int, name varchar, run_on timestamp", "1, '1_a', now()"),
    "Prisma": (
        "1_a/migration.sql",
        "migration_name varchar, checksum varchar, started_at date, finished_at date, rolled_back_at date",
        "'1_a', 'SUM', now(), now(), NULL",
    ),
}  # fmt: skip
MARKS = {"dbmate": "-- migrate:up\n", "goose": "-- +goose Up\n"}


@chapter
def adopting(scene: Scene) -> None:
    scene.own.execute("CREATE TABLE a (id int); COMMENT ON SCHEMA public IS 'standard public schema'")
    for tool in TOOLS:
        name, columns, row = OTHER_TOOLS[tool.name]
        text = f"{MARKS.get(tool.name, '')}CREATE TABLE a (id int);\n"
        put({f"old/{tool.name}/{name}": text})
        row = row.replace("SUM", tool.digest(text.encode()) if tool.digest else "")
        scene.own.execute(
            f"CREATE TABLE {tool.table} ({columns}); INSERT INTO {tool.table} VALUES ({row})".encode()
        )
        scene.safe("adopt", f"old/{tool.name}", "--migrations", f"new/{tool.name}")
        scene.own.execute(
            f"DROP TABLE {tool.table}, _yoyo_migration, _yoyo_log, _yoyo_version, yoyo_lock".encode()
        )


@chapter
def planning(scene: Scene) -> None:
    put(FILES)
    scene.safe("plan")
    scene.safe("migrate", "--to", "001")
    scene.own.execute(ROWS.encode())
    put({"queries.sql": "SELECT * FROM orders WHERE note = $1; INSERT INTO pets VALUES ($1, $2)"})
    scene.safe("plan", "--queries", "queries.sql")
    scene.safe("plan", "--queries", "pg_stat_statements", code=2)


@chapter
def losing(scene: Scene) -> None:
    put(
        {
            "migrations/001_a.sql": """
                CREATE TABLE a (id int PRIMARY KEY, n varchar, j pg_catalog.json);
                CREATE TYPE mood AS ENUM ('sad');
                CREATE TABLE b (a int REFERENCES a ON DELETE CASCADE, its mood);
                CREATE PROCEDURE nothing() LANGUAGE plpgsql AS 'BEGIN END';
            """
        }
    )
    scene.safe("migrate")
    scene.own.execute("""
        INSERT INTO a VALUES (1, 'x', '{"a": 1}');
        INSERT INTO b VALUES (1);
        CREATE TABLE by_hand (id int);
    """)
    put({"migrations/002_b.sql": "CREATE TABLE c (id int)"})
    scene.safe("plan", "--no-try")
    put(
        {
            "migrations/002_b.sql": """
                CREATE TABLE IF NOT EXISTS by_hand (id bigint);
                UPDATE b SET a = 2;
                DELETE FROM a;
                UPDATE a SET n = 'y';
                CALL nothing();
                TRUNCATE b;
                DEALLOCATE ALL;
                ALTER TABLE a ALTER j TYPE varchar USING NULL::varchar;
                ALTER TABLE a ALTER n TYPE int USING n::int;
                ALTER TABLE a DROP j;
                DROP TABLE by_hand;
            """,
            "migrations/003_c.sql": "CREATE TABLE by_hand (id int); DROP TABLE a CASCADE; SELECT",
        }
    )
    scene.safe("plan", "--no-try")
    scene.own.execute("CREATE TABLE c (id int)")
    put({"migrations/002_b.sql": "CREATE TABLE c (id int)"})
    scene.safe("plan")


@chapter
def trying(scene: Scene) -> None:
    put(
        {
            "migrations/001_a.sql": OF_A_FILE
            + "CREATE TABLE a (id serial PRIMARY KEY, b int); CREATE TABLE c (a int REFERENCES a)"
        }
    )
    scene.safe("migrate")
    scene.own.execute("INSERT INTO a (b) VALUES (1), (1); INSERT INTO c VALUES (1)")
    outside = "-- transactional: false\n"
    put(
        {
            "migrations/002_b.sql": "INSERT INTO a (b) SELECT b FROM a; DELETE FROM c",
            "migrations/003_c.sql": f"{outside}DELETE FROM a; CREATE INDEX CONCURRENTLY ON a (b)",
        }
    )
    assert "copying the rows of public.a, public.c" in scene.safe("plan").err


@chapter
def foreseeing(scene: Scene) -> None:
    put({name: text for name, text in FILES.items() if "001" in name})
    scene.safe("migrate")
    scene.own.execute(ROWS.encode())
    put(DEMANDS)
    scene.safe("plan")


@chapter
def planning_what_the_database_provides(scene: Scene) -> None:
    scene.own.execute("CREATE SCHEMA other")
    put({"migrations/001_a.sql": "CREATE EXTENSION IF NOT EXISTS plpgsql; CREATE TABLE other.a ()"})
    scene.safe("plan")
    put({"migrations/002_b.sql": "CREATE EXTENSION nothing"})
    scene.safe("plan", code=1)


@chapter
def comparing(scene: Scene) -> None:
    put(FILES)
    scene.safe("migrate")
    scene.own.execute(ROWS.replace("n % 4", "n % 2 + 1").encode())
    scene.own.execute("ALTER TABLE pets ADD CHECK (id > 2) NOT VALID")
    scene.safe("drift")
    scene.safe("schema")
    scene.safe("doctor")
    scene.safe("widen", "users.id", "--type", "text", "--dry-run")
    scene.safe("widen", "orders.note", "--type", "int", "--using", "length(note) + 1", "--dry-run")
    scene.safe("widen", "users.id")


@chapter
def cleaning(scene: Scene) -> None:
    put(FILES)
    scene.safe("migrate", "--to", "001")
    scene.own.execute(ROWS.encode())
    scene.safe("cleanup", "--dry-run", "--relation", "orders.user_id -> users.id")
    scene.safe("migrate")
    scene.safe("cleanup", "--dry-run")
    scene.safe("cleanup", "--all", "--dry-run")
    scene.safe("cleanup")
    scene.safe("archive", "list")
    scene.own.execute("INSERT INTO users VALUES (0), (3)")
    scene.safe("restore", "1")
    scene.safe("restore", "2")


@chapter
def cleaning_by_hand(scene: Scene) -> None:
    put(FILES)
    scene.own.execute("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC")
    scene.safe("migrate", "--to", "001")
    scene.own.execute(ROWS.encode())
    relations = ["--relation", "orders.user_id -> users.id", "--relation", "pets.user_id -> users.id"]
    scene.run(scene.safe("cleanup", "--print-sql", *relations).out)


@chapter
def cleaning_what_bereaves(scene: Scene) -> None:
    scene.begin(
        "CREATE TABLE nodes (id int PRIMARY KEY, parent int); "
        "CREATE TABLE leaves (id serial PRIMARY KEY, node int); "
        "INSERT INTO nodes VALUES (1, NULL), (2, 1), (3, 9), (4, 3); INSERT INTO leaves VALUES (1, 1), (2, 4)"
    )
    relations = ["--relation", "leaves.node -> nodes.id", "--relation", "nodes.parent -> nodes.id"]
    script = scene.safe("cleanup", "--print-sql", *relations).out
    scene.run(script.replace("COMMIT;", "ROLLBACK;"))
    scene.safe("cleanup", *relations)
    scene.safe("restore", "2")


@chapter
def cleaning_to_a_default(scene: Scene) -> None:
    scene.begin(
        "CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE orders (id int PRIMARY KEY, user_id int DEFAULT 1); "
        "INSERT INTO users VALUES (1); INSERT INTO orders VALUES (1, 2); "
        "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE SET DEFAULT NOT VALID"
    )
    scene.safe("cleanup")
    scene.safe("restore", "1")


@chapter
def cleaning_what_is_big(scene: Scene) -> None:
    scene.begin(
        "CREATE TABLE users (id varchar PRIMARY KEY); CREATE TABLE orders (id int PRIMARY KEY, user_id varchar); "
        "INSERT INTO users VALUES (1); INSERT INTO orders VALUES (1, 2), (2, 1)"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placed, "BIG", 0)
        scene.safe("cleanup", "--relation", "orders.user_id -> users.id", "--max-share", "1")
        scene.own.execute("INSERT INTO orders VALUES (3, 4)")
        scene.safe("cleanup", "--relation", "orders.user_id -> users.id set null", "--max-share", "1")
        scene.own.execute("INSERT INTO orders VALUES (5, 4)")
        scene.own.execute("BEGIN; LOCK TABLE users IN ROW EXCLUSIVE MODE")
        busy = scene.safe(
            "cleanup",
            "--relation",
            "orders.user_id -> users.id",
            "--max-share",
            "1",
            "--lock-timeout",
            "100ms",
            code=1,
        )
        assert "gave way" in busy.err
        scene.own.rollback()
        patch.setattr(placed, "LISTED", -1)
        scene.own.execute("INSERT INTO orders VALUES (6, 4)")
        scene.run(
            scene.safe(
                "cleanup", "--relation", "orders.user_id -> users.id", "--max-share", "1", "--print-sql"
            ).out
        )
        patch.setattr(indexed, "WRITTEN", 1e9)
        scene.own.execute("CREATE INDEX ON orders (user_id); INSERT INTO orders VALUES (7, 4)")
        scene.safe("cleanup", "--relation", "orders.user_id -> users.id", "--max-share", "1")
        scene.own.execute("INSERT INTO orders VALUES (8, 4)")
        put({"migrations/002_key.sql": "-- cleanup: orders.user_id -> users.id delete\nSELECT 1"})
        scene.safe("migrate")


@chapter
def cleaning_what_violates_a_constraint(scene: Scene) -> None:
    fine = "ALTER TABLE orders ADD CONSTRAINT fine CHECK (id OPERATOR(pg_catalog.>) 1)"
    scene.begin(
        "CREATE TABLE orders (id int PRIMARY KEY, total int, note text DEFAULT 'x'); "
        "INSERT INTO orders VALUES (1, 1, 'a'), (2, NULL, 'b'), (3, 3, NULL), (4, 4, 'd'); "
        "ALTER TABLE orders ADD CONSTRAINT small CHECK (id < 4) NOT VALID"
    )
    put({"migrations/002_b.sql": f"-- cleanup: orders check fine delete\nSET search_path = {PATH}; {fine}"})
    for more in (["--dry-run"], ["--dry-run", "--relation", "orders.total not null set 7"]):
        scene.safe("cleanup", *more)
    scene.safe("cleanup", "--relation", "orders.total not null set 'x'", code=2)
    scene.run(scene.safe("cleanup", "--print-sql", "--relation", "orders.note not null delete").out)
    scene.safe("cleanup", "--relation", "orders.total not null set 7")
    scene.safe("cleanup", "--online", "--relation", "orders check small delete")
    for verb in (["cleanup", "--online"], ["cleanup"], ["migrate"]):  # along the path of the file
        scene.safe(*verb)
        scene.own.execute("INSERT INTO orders VALUES (0)" if verb != ["migrate"] else "SELECT")
    scene.own.execute(
        "ALTER TABLE orders DROP CONSTRAINT fine, DROP CONSTRAINT small; DELETE FROM orders WHERE id = 0"
    )
    for run in ("6", "5", "4", "3", "2", "1"):
        scene.safe("restore", run)


@chapter
def cleaning_duplicates(scene: Scene) -> None:
    scene.begin(
        "CREATE TABLE users (id int PRIMARY KEY, email text, at int, boss int REFERENCES users); "
        "CREATE TABLE accounts (id int PRIMARY KEY); "
        "CREATE TABLE logs (user_id int REFERENCES users REFERENCES accounts); "
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int); "
        "CREATE TABLE likes (user_id int REFERENCES users, post_id int REFERENCES posts, n int, "
        "PRIMARY KEY (user_id, post_id), UNIQUE NULLS NOT DISTINCT (n, user_id)); "
        "CREATE UNIQUE INDEX ON likes (user_id, upper(n::text)) WHERE n > 0; "
        "CREATE TABLE replies (id int PRIMARY KEY, u int, p int, FOREIGN KEY (u, p) REFERENCES likes); "
        "INSERT INTO users VALUES (1, 'a', 1, NULL), (2, 'a', 2, 1), (3, 'b', NULL, 1), (4, NULL, 1, NULL); "
        "INSERT INTO posts VALUES (1, 1), (2, 2), (3, 9); "
        "INSERT INTO likes VALUES (1, 1, 1), (2, 1, 2), (1, 2, 3), (2, 2, NULL); INSERT INTO replies VALUES (1, 1, 1)"
    )
    relations = [
        "--relation", "users.email unique keep newest at", "--relation", "posts.user_id -> users.id"
    ]  # fmt: skip
    scene.safe("cleanup", "--dry-run", *relations)
    script = scene.safe("cleanup", "--print-sql", *relations).out
    scene.run(script.replace("COMMIT;", "ROLLBACK;"))
    scene.safe("cleanup", *relations)
    scene.safe("restore", "2")


@chapter
def cleaning_few_duplicates(scene: Scene) -> None:
    scene.begin(
        "CREATE TABLE tags (id int PRIMARY KEY, name text, at int); INSERT INTO tags VALUES (1, 'a', 1), (2, 'a', 2)"
    )
    scene.safe("cleanup", "--relation", "tags.name unique keep newest at")


@chapter
def cleaning_a_tree_online(scene: Scene) -> None:
    scene.begin("CREATE TABLE nodes (id int PRIMARY KEY, parent int)")
    nodes = "INSERT INTO nodes VALUES (1, 0), (2, 1), (11, 10), (12, 11), (13, NULL) ON CONFLICT DO NOTHING"
    for ahead in ("SELECT", "ALTER TABLE nodes ADD FOREIGN KEY (parent) REFERENCES nodes NOT VALID"):
        scene.own.execute(f"SET session_replication_role = replica; {nodes}; {ahead}".encode())
        scene.safe("cleanup", "--online", "--relation", "nodes.parent -> nodes.id")


@chapter
def restoring_into_what_has_changed(scene: Scene) -> None:
    scene.begin(
        "CREATE TYPE pair AS (a int, b int); CREATE TYPE mood AS ENUM ('sad'); "
        "CREATE FUNCTION say(mood) RETURNS text LANGUAGE sql AS $$ SELECT 'a mood' $$; "
        "CREATE CAST (mood AS text) WITH FUNCTION say(mood); "
        "CREATE FUNCTION information_schema.format(text, mood) RETURNS text LANGUAGE internal AS 'shell_in' "
        "SUPPORT information_schema.met; "
        "CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1); "
        "CREATE TABLE orders (id serial PRIMARY KEY, user_id int, p pair, q pair[], m mood, gone int); "
        "INSERT INTO orders VALUES (1, 2, '(1,2)', '{\"(1,2)\"}', 'sad', 1), (2, 2, NULL, NULL, NULL, NULL); "
        "CREATE TABLE notes (id int PRIMARY KEY, order_id int REFERENCES orders ON DELETE CASCADE); "
        "ALTER TABLE notes ADD FOREIGN KEY (order_id) REFERENCES orders ON DELETE SET NULL; "
        "INSERT INTO notes VALUES (1, 1)"
    )
    scene.safe("cleanup", "--relation", "orders.user_id -> users.id")
    scene.own.execute(
        "ALTER TYPE pair ADD ATTRIBUTE c int; ALTER TABLE orders DROP gone; "
        "ALTER TABLE orders ADD CHECK (id <> 2); ALTER SEQUENCE orders_id_seq RESTART; INSERT INTO users VALUES (2)"
    )
    scene.safe("restore", "1", code=3)
    scene.safe("restore", "1", "--force")


@chapter
def cleaning_online(scene: Scene) -> None:
    put(FILES)
    scene.safe("migrate")
    scene.own.execute(ROWS.replace("n % 4", "n % 2 + 1").encode())
    scene.own.execute("SET session_replication_role = replica; UPDATE orders SET user_id = 17 WHERE id < 6")
    scene.safe("stamp", "test", "--name", scene.name)
    scene.own.execute("CREATE TABLE sqlrail.online_1_left (); CREATE TABLE sqlrail.online_2_left ()")
    scene.safe("cleanup", "--online", "--relation", "orders.user_id -> users.id")
    scene.safe("archive", "purge", "--older-than", "0s", "--yes")


@chapter
def running_outside(scene: Scene) -> None:
    outside = "-- transactional: false\n"
    put(
        {
            "migrations/001_a.sql": f"{outside}CREATE TABLE a (id int, b int); INSERT INTO a VALUES (1, 1), (2, 1); "
            "PREPARE one AS TABLE a; BEGIN; SAVEPOINT s; COMMIT",
            "migrations/002_b.sql": f"{outside}INSERT INTO a TABLE a; CREATE UNIQUE INDEX CONCURRENTLY a_b ON a (b)",
            "migrations/post-apply.sql": f"{outside}VACUUM a",
        }
    )
    scene.safe("migrate", code=1)
    scene.safe("status")
    scene.own.execute("TRUNCATE a")
    scene.safe("migrate")
    put({"migrations/post-apply.sql": f"{outside}VACUUM a; TABLE nothing"})
    for name in ("003_c", "004_d"):
        put({f"migrations/{name}.sql": "SELECT"})
        scene.safe("migrate", code=1)


@chapter
def filling(scene: Scene) -> None:
    equal = "FROM sqlrail_batch AS b WHERE t.a OPERATOR(pg_catalog.=) b.a AND t.b OPERATOR(pg_catalog.=) b.b"
    between = "FROM sqlrail_batch AS s WHERE t.a OPERATOR(pg_catalog.>=) s.first_a"
    put(
        {
            "migrations/001_t.sql": "CREATE TABLE t (a int, b int, n int, PRIMARY KEY (a, b)); "
            "INSERT INTO t SELECT g, g FROM pg_catalog.generate_series(1, 1200) AS g",
        }
    )
    scene.safe("migrate")
    scene.own.execute(
        b"DROP SCHEMA sqlrail CASCADE"
    )  # a backfill makes our own tables, where nothing else has
    put(
        {
            "migrations/002_n.sql": f"-- backfill: t by (a, b)\nUPDATE t SET n = 1 {equal} AND t.n IS NULL",
        }
    )
    scene.safe("plan", "--sample")
    put(
        {
            "migrations/003_n.sql": f"-- backfill: t by range of (a, b) once\nUPDATE t SET n = 2 {between}",
            "migrations/004_big.sql": "CREATE TABLE big AS SELECT g, pg_catalog.repeat('x', 900) "
            "FROM pg_catalog.generate_series(1, 10000) AS g",
            "migrations/005_big.sql": "-- backfill: t by (a, b) once\nUPDATE t SET n = (SELECT g FROM big LIMIT 1) "
            f"{equal}",
        }
    )
    scene.safe("migrate", code=3)
    scene.safe("status")
    scene.safe("plan")


@chapter
def losing_the_lock(scene: Scene) -> None:
    put({"migrations/001_a.sql": "SELECT"})
    scene.safe("migrate")
    outside = "-- transactional: false\n"
    others = "FROM pg_catalog.pg_stat_activity WHERE pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()"
    others += " AND application_name OPERATOR(pg_catalog.~~) 'sqlrail%'"
    put(
        {
            "migrations/002_b.sql": f"{outside}SELECT pg_catalog.pg_terminate_backend(pid) {others}; TABLE nothing"
        }
    )
    scene.safe("migrate", code=1)


@chapter
def preparing(scene: Scene) -> None:
    put({"migrations/001_a.sql": "PREPARE one AS TABLE a", "migrations/002_b.sql": "SELECT"})
    scene.safe("migrate", code=1)
    put({"migrations/001_a.sql": "CREATE TABLE a (); PREPARE one AS TABLE a"})
    scene.safe("migrate")


@chapter
def standing_in_the_way(scene: Scene) -> None:
    put({"migrations/001_a.sql": "CREATE TABLE a (id int PRIMARY KEY, b int REFERENCES a)"})
    scene.safe("migrate")
    put({"migrations/002_b.sql": "ALTER TABLE a ADD c int"})
    scene.own.execute("BEGIN; LOCK TABLE a")
    with scene.letting_go_once_watched():
        scene.safe("migrate", "--lock-timeout", "60s", "--retry-for", "0s")


@chapter
def holding_the_lock(scene: Scene) -> None:
    put({"migrations/001_a.sql": "SELECT"})
    scene.safe("migrate")
    put({"migrations/002_b.sql": "SELECT", "migrations/003_c.sql": "SELECT"})
    scene.own.execute("BEGIN")
    scene.own.execute("SELECT pg_advisory_xact_lock(%s)", [KEY])
    assert "another runner" in scene.safe("migrate", "--lock-wait", "0s", code=1).err
    scene.own.rollback()
    for pid in (1, -1):
        scene.own.execute("INSERT INTO yoyo_lock VALUES (1, now(), %s)", [pid])
        scene.safe("migrate", "--lock-wait", "0s", code=pid > 0)
        scene.own.execute("DELETE FROM yoyo_lock")


@chapter
def refusing(scene: Scene) -> None:
    put(FILES)
    scene.safe("migrate", "--to", "001")
    scene.own.execute(ROWS.encode())
    scene.own.execute(
        "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$; "
        "CREATE EVENT TRIGGER refusing ON ddl_command_end WHEN TAG IN ('CREATE TABLE AS') EXECUTE FUNCTION refuse()"
    )
    assert "The event trigger refusing" in scene.safe("migrate", code=1).err


@chapter
def lacking_rights(scene: Scene) -> None:
    role = f"weak_{scene.own.info.backend_pid}"
    put({"migrations/001_a.sql": "CREATE TABLE a ()"})
    scene.own.execute(f"CREATE ROLE {role}".encode())
    try:
        done = scene.safe("migrate", url=f"{scene.url}&options=-c%20role%3D{role}", code=1)
        assert "GRANT CREATE ON SCHEMA public" in done.err
    finally:
        scene.own.execute(f"DROP ROLE {role}".encode())


@chapter
def making_a_tenant(scene: Scene) -> None:
    put(FILES)
    scene.safe("tenant", "add", "newt")
    scene.safe("migrate", "--each", "VALUES ('newt')")
    for verb in ("drift", "doctor"):
        scene.safe(verb, "--each", "VALUES ('newt')")
    scene.safe("archive", "list", "--each", "VALUES ('newt')")


@chapter
def looking_at_databases(scene: Scene) -> None:
    put({**FILES, "tenants.txt": f"{scene.url}\n"})
    scene.safe("status", "--each-database", "tenants.txt")


@chapter
def migrating_a_tenant(scene: Scene) -> None:
    put(FILES)
    scene.own.execute("CREATE SCHEMA other")
    url, files = scene.url, Path("migrations")
    for shared in (None, ("public", "information_schema", "pg_catalog")):
        settings = Settings(
            database_url=url, migrations=files, environment="test", tenant="other", shared_path=shared
        )
        migrate(settings, nobody)
        status(settings, nobody)
    scene.look()
    put(
        {
            "migrations/005_more.sql": """
                CREATE FUNCTION nothing() RETURNS int LANGUAGE sql AS 'SELECT 1';
                CREATE TYPE kind AS ENUM ('a');
                DROP TABLE pets;
                GRANT SELECT ON orders TO PUBLIC;
            """,
            "migrations/006_outside.sql": "-- transactional: false\nCREATE TABLE made (); TABLE made",
            "migrations/007_out.sql": "DROP TABLE shared",
        }
    )
    scene.own.execute("CREATE TABLE public.shared ()")
    with Many(replace(settings, tenant=None), nobody) as many:
        many.survey(["other"])
        with pytest.raises(Refused, match=r"public\.shared"):
            many.migrate(settings, nobody)
    scene.look()
    scene.own.execute(
        ROWS.replace("INTO ", "INTO other.")
        .replace("% 4", "% 2 + 1")
        .split("INSERT INTO other.pets")[0]
        .encode()
    )
    scene.own.execute(
        "ALTER TABLE other.orders DROP CONSTRAINT orders_user_id_fkey; DELETE FROM other.users WHERE id = 2"
    )
    done = cleanup(settings, nobody, [parse("orders.user_id -> users.id")])
    restore(settings, nobody, done.run or 0, force=True)
    scene.look()


@chapter
def running_code(scene: Scene) -> None:
    code = {
        "migrations/code/all.sql": "CREATE VIEW all_of_them AS SELECT id, note FROM orders WHERE bigger(id) > 0",
        "migrations/code/few.sql": "CREATE VIEW few AS SELECT id FROM all_of_them",
        "migrations/code/bigger.sql": "CREATE FUNCTION bigger(it int) RETURNS int RETURN it + 1",
        "migrations/code/changes.sql": (
            "CREATE TRIGGER changes BEFORE UPDATE ON orders EXECUTE FUNCTION changes()"
        ),
        "migrations/code/changes_made.sql": (
            "CREATE OR REPLACE FUNCTION changes() RETURNS pg_catalog.trigger "
            "LANGUAGE plpgsql AS 'BEGIN RETURN new; END'"
        ),
        "migrations/code/own.sql": "CREATE POLICY own ON pets USING (true)",
    }
    put({**FILES, **code})
    scene.safe("status")
    scene.safe("plan")
    scene.safe("migrate")
    scene.own.execute(
        """
        COMMENT ON COLUMN few.id IS 'its'; GRANT SELECT (id) ON all_of_them TO PUBLIC; GRANT SELECT ON few TO PUBLIC;
        ALTER TABLE orders DISABLE TRIGGER changes; REVOKE ALL ON FUNCTION bigger FROM PUBLIC;
        """
    )
    for name in ("all", "bigger", "own", "changes"):
        put({f"migrations/code/{name}.sql": code[f"migrations/code/{name}.sql"] + " -- edited"})
    Path("migrations/code/few.sql").unlink()
    scene.safe("status")
    scene.safe("plan", "--json")
    scene.safe("migrate")
    scene.safe("drift")
    put({"migrations/005_gone.sql": "DROP VIEW IF EXISTS few"})
    scene.safe("migrate", "--json")
    wider = {
        "migrations/006_wider.sql": "ALTER TABLE orders ALTER note TYPE varchar; ALTER TABLE orders DROP note",
        "migrations/code/all.sql": "CREATE VIEW all_of_them AS SELECT id, '' AS note FROM orders",
    }
    put(wider)
    Path("migrations/code/own.sql").rename("migrations/code/their_own.sql")
    put({"migrations/code/again.sql": "CREATE OR REPLACE VIEW again AS SELECT 1 AS id"})
    scene.safe("status")
    scene.safe("plan")
    scene.safe("migrate", "--json")


@chapter
def copying(scene: Scene) -> None:
    put({**FILES, "migrations/005_new.sql": f"SELECT -- {secrets.token_hex(8)}"})  # no template is of these
    with (
        template(scene.url, Path("migrations")) as made,
        made.copy(),
        made.copy() as url,  # from the second on others are made ahead
        psycopg.connect(url) as connection,
    ):
        assert connection.execute("TABLE users").fetchall() == []
    with template(scene.url, Path("migrations"), Way(ahead=0, resets=True)) as made:
        for _ in range(2):
            with made.copy() as url, psycopg.connect(url) as connection:
                assert connection.execute("TABLE users").fetchall() == []
                connection.execute("INSERT INTO users VALUES (1)")
    scene.look()


@chapter
def emptying(scene: Scene) -> None:
    put(FILES)
    scene.safe("migrate")
    scene.own.execute("CREATE TABLE spared (id serial)")
    scene.own.close()
    scene.safe("reset", "--spare", "public.spared", "--yes")
    scene.safe("reset", "--yes")


def tell(name: str, url: str) -> None:
    """Tells a chapter in a database that plant() has made; Met if a statement of ours meets a look-alike."""
    with scene(url) as made:
        try:
            CHAPTERS[name](made)
        finally:
            made.look()


@contextmanager
def scene(url: str) -> Iterator[Scene]:
    """An empty scene in a database that plant() has made, on a server of this machine."""
    with psycopg.connect(url, autocommit=True, options="-c search_path=public") as own, _working_folder():
        own.execute(EMPTY)
        own.execute(f"ALTER DATABASE {own.info.dbname} SET search_path = {PATH}".encode())
        yield Scene(url, own)


@contextmanager
def _working_folder() -> Iterator[None]:
    before = Path.cwd()
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def plant(url: str) -> None:
    """Puts look-alikes into an empty database."""
    with psycopg.connect(url, autocommit=True) as own:
        own.execute(LOOKALIKES)


@contextmanager
def reaching() -> Iterator[set[str]]:
    """The files of sql/ that are composed meanwhile, and the lines of sqlrail/ that call for it."""
    places, calls, template = set[str](), set[tuple[str, int]](), wire._template
    store._composed.cache_clear()  # what an earlier run has composed is to be seen too

    def noting(name: str, commented: bool) -> Any:
        calls.add((wire._files()[name], 0))
        frame: FrameType | None = sys._getframe(1)
        while frame:
            calls.add((frame.f_code.co_filename, frame.f_lineno))
            frame = frame.f_back
        return template(name, commented)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "_template", noting)
        yield places
    for file, line in calls:
        places.add(f"{file.removeprefix(f'{ROOT}/')}:{line}".removesuffix(":0"))
