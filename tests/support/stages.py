"""What each page supposes, so that its commands can be typed; a page with commands that has no line here fails.

Helpers of a stage are in `typed.py`. Files and rows are as few as give what the page shows.
"""

from __future__ import annotations

from collections.abc import Sequence

from test_adopt import INDEX, PROJECTS, USERS
from typed import Into, Run, Sql, Stage, Step

#: the role of the pages' applications, whose rights are taken away
REVOKED: tuple[str, Sequence[Step]] = (
    "REVOKE", [Sql("DO $$ BEGIN CREATE ROLE app; EXCEPTION WHEN duplicate_object THEN NULL; END $$"), Run()]
)  # fmt: skip


def taken_over(tool: str, folder: str) -> Stage:
    """A project of a tool's: two of its three files have run."""
    project = PROJECTS[tool]
    files = {f"{folder}/{name}": text for name, text in project.files.items()}
    first = "export" if folder == "migrations" else "sqlrail adopt"
    made: Sequence[Step] = (files, Sql(USERS), Sql(INDEX), Sql(project.history))
    return Stage(before=((first, made), REVOKED), after={"SELECT to_regclass('later') IS NOT NULL": "True"})


def dumped(history: str, *more: tuple[str, Sequence[Step]]) -> Stage:
    """A database that a tool has made whose migrations are code."""
    return Stage(before=(("mkdir", [Sql(USERS), Sql(INDEX), Sql(history)]), *more, REVOKED))


README = Stage(
    before=(
        ("make db-migrate", [{
            "migrations/001_shop.sql": (
                "CREATE TABLE users (id bigint PRIMARY KEY);\n"
                "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id bigint NOT NULL);\n"
            )
        }]),
        ("sqlrail migrate", [
            Sql("INSERT INTO users SELECT generate_series(1, 400); DELETE FROM users WHERE id IN (7, 9);"
                "INSERT INTO orders (user_id) SELECT 1 + n % 400 FROM generate_series(1, 20000) AS n"),
        ]),
        ("sqlrail restore", [Sql("INSERT INTO users VALUES (7), (9)")]),
        ("sqlrail migrate", ["sqlrail rollback", Sql("DELETE FROM users")]),
        ("export", [Sql("INSERT INTO users SELECT generate_series(1, 400)")]),
        ("sqlrail plan", [{"migrations/003_add_users.sql": "ALTER TABLE users ADD COLUMN name text;\n"}]),
    ),
    after={"SELECT count(*) FROM orders": "20000"},
    left={
        "make demo": "tests/test_demo.py runs it",
        "make test": "is what runs this",
        "pip install": "installs into the Python that runs this; .ci/run does it in one of its own",
    },
    env={"SQLRAIL_ENV": "development"},
    is_clone=True,
    is_quick=True,
)  # fmt: skip


FILL = Stage(
    before=(
        ("-- migrations/003_lower.sql", [
            {
                "migrations/001_users.sql": (
                    "CREATE TABLE users (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL);\n"
                    "INSERT INTO users (email) SELECT 'User' || n FROM generate_series(1, 200000) AS n;\n"
                ),
                "migrations/002_column.sql": "ALTER TABLE users ADD COLUMN lower text;\n",
            },
            "sqlrail migrate",
        ]),
        ("sqlrail migrate --skip-backfills", [
            Sql("UPDATE users SET lower = NULL; DELETE FROM _yoyo_migration WHERE migration_id = '003_lower'"),
            {
                "migrations/004_lower_not_null.sql": (
                    "-- depends: 003_lower\n\nALTER TABLE users ADD CHECK (lower IS NOT NULL) NOT VALID;\n"
                ),
                "migrations/005_notes.sql": "ALTER TABLE users ADD COLUMN note text;\n",
            },
        ]),
    ),
    after={"SELECT count(*) FROM users WHERE lower = lower(email)": "200000"},
    env={"SQLRAIL_PAUSE": "0"},
)  # fmt: skip

BRANCHES = Stage(
    before=(
        ("sqlrail lint", [
            {
                **{f"migrations/{name}.sql": f"CREATE TABLE t{name} (id bigint PRIMARY KEY);\n"
                   for name in ("001_users", "003_a", "004_b", "005_c", "006_d")},
                "migrations/002_orders.sql": (
                    "-- What is ordered.\n\nCREATE TABLE orders (id bigint PRIMARY KEY);\n"
                    "CREATE TABLE lines (id bigint PRIMARY KEY);\n"
                ),
            },
            "git init --quiet --initial-branch=main && git add . && git commit --quiet -m one && git branch topic",
            {"migrations/008_tags.sql": "CREATE TABLE tags (id bigint PRIMARY KEY);\n"},
            "git add . && git commit --quiet -m two && git update-ref refs/remotes/origin/main main",
            "git checkout --quiet topic && sed -i s/lines/rows/ migrations/002_orders.sql",
            {
                "migrations/007_notes.sql": "CREATE TABLE notes (id bigint PRIMARY KEY);\n",
                "migrations/007_notes.rollback.sql": "DROP TABLE notes;\n",
            },
        ]),
        ("sqlrail renumber", ["git checkout origin/main -- migrations/002_orders.sql"]),
        ("git checkout", [
            "rm -r .git migrations && git init --quiet --initial-branch=main",
            {
                "migrations/001_users.sql": "CREATE TABLE users (id bigint PRIMARY KEY);\n",
                "migrations/002_orders.sql": "CREATE TABLE orders (id bigint PRIMARY KEY);\n",
            },
            "git add . && git commit --quiet -m one && git checkout --quiet -b feature/notes",
            {"migrations/003_notes.sql": "CREATE TABLE notes (id bigint PRIMARY KEY);\n"},
            "git add . && git commit --quiet -m two && git checkout --quiet -b feature/plan main",
            {
                "migrations/003_plan.sql": "ALTER TABLE users ADD COLUMN plan text;\n",
                "migrations/003_plan.rollback.sql": "ALTER TABLE users DROP COLUMN plan;\n",
            },
            "git add . && git commit --quiet -m three && sqlrail migrate",
            Sql("INSERT INTO users VALUES (1, 'a'), (2, 'b'), (3, NULL)"),
        ]),
    ),
    env={
        **{f"GIT_{who}_{what}": "tests@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
    },
)  # fmt: skip

CODE = Stage(
    before=(
        ("sqlrail migrate", [
            {
                "migrations/001_users.sql": "CREATE TABLE users (id bigint PRIMARY KEY);\n",
                "migrations/002_orders.sql": (
                    "CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users, amount integer,\n"
                    "    due date);\n"
                ),
            },
            "mv migrations/code code && sqlrail migrate && mv code migrations/code",
            {
                "migrations/code/total_of.sql": (
                    "CREATE FUNCTION total_of(customer bigint) RETURNS bigint LANGUAGE sql STABLE\n"
                    "RETURN (SELECT sum(amount) FROM orders WHERE user_id = customer);\n"
                ),
                "migrations/code/overdue.sql": (
                    "CREATE VIEW overdue AS\n"
                    "SELECT user_id, total FROM totals JOIN orders USING (user_id) WHERE due < now();\n"
                ),
            },
        ]),
        ("-- 003_cents", [Into("migrations/003_cents.sql")]),
    ),
    is_quick=True,
)  # fmt: skip

DOCTOR = Stage(
    before=(
        ("make db-doctor", [
            {
                "migrations/004_users.sql": (
                    "CREATE TABLE users (id bigint PRIMARY KEY, email text UNIQUE);\n"
                    "ALTER TABLE users ADD CONSTRAINT users_email_key1 UNIQUE (email);\n"
                    "CREATE TABLE onboarding_answers (id bigint PRIMARY KEY, user_id bigint);\n"
                )
            },
            "sqlrail migrate",
            Sql("INSERT INTO users VALUES (1, 'a');"
                "INSERT INTO onboarding_answers VALUES (1, 1), (2, 2), (3, 3), (4, 4)"),
        ]),
        ("sqlrail doctor --check", []),
        ("sqlrail doctor --write", []),
        ("sqlrail doctor", ["rm migrations/005* migrations/006*"]),
    ),
    codes={"sqlrail doctor --check": 4},
    is_clone=True,
)  # fmt: skip

DRIFT = Stage(
    before=(
        ("make db-drift", [
            {
                "migrations/001_users.sql": (
                    "CREATE TABLE users (id bigint PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT now());\n"
                ),
                "migrations/002_posts.sql": (
                    "CREATE TABLE posts (id bigint PRIMARY KEY, user_id bigint REFERENCES users);\n"
                ),
                "migrations/003_notes.sql": "CREATE TABLE notes (id bigint PRIMARY KEY);\n",
                "migrations/004_usage_analytics.sql": "CREATE TABLE usage_analytics (id bigint PRIMARY KEY);\n",
            },
            "sqlrail migrate",
            Sql("ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey; ALTER TABLE users ADD legacy text;"
                "ALTER TABLE users ALTER created_at DROP NOT NULL"),
        ]),
        ("SQLRAIL_SCHEMA_FILE", [{".env": "SQLRAIL_SCHEMA_FILE=schema.sql\n"}]),
    ),
    left={
        "sqlrail drift --against": "names a database of the reader's; tests/schema has its own",
        "make db-drift ORM='node": "needs Sequelize from npm; tests/promises/test_orms.py runs it",
        "sqlrail drift --check --orm": "the same",
    },
    codes={"sqlrail drift --check": 4},
    is_clone=True,
)  # fmt: skip

ROLLBACK = Stage(
    before=(
        ("sqlrail rollback --dry-run", [
            {
                "migrations/001_a.sql": "CREATE TABLE a (id int PRIMARY KEY);\n",
                "migrations/002_more.sql": (
                    "CREATE TABLE b (id int PRIMARY KEY);\nALTER TABLE a ADD COLUMN plan text;\n"
                ),
                "migrations/002_more.rollback.sql": "DROP TABLE b;\nALTER TABLE a DROP COLUMN plan;\n",
                "migrations/003_view.sql": "CREATE VIEW v AS SELECT id FROM a;\n",
                "migrations/003_view.rollback.sql": "DROP VIEW v;\n",
            },
            "sqlrail migrate",
            Sql("INSERT INTO a VALUES (1, 'x'), (2, 'y'), (3, NULL); INSERT INTO b VALUES (1), (2), (3), (4)"),
        ]),
    ),
)  # fmt: skip

LINT = Stage(
    before=(
        ("sqlrail lint", [
            {"migrations/004_users.sql": "CREATE TABLE users (id bigint PRIMARY KEY, email text);\n"},
            "sqlrail migrate",
            {"migrations/005_index.sql": "-- Who has it.\n\nCREATE INDEX users_email_idx ON users (email);\n"},
        ]),
    ),
)  # fmt: skip

ONLINE = Stage(
    before=(
        ("sqlrail cleanup --online --relation", [Sql("CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);"
            "INSERT INTO orders VALUES (1, NULL), (2, 3)")]),
        ("sqlrail migrate", [
            Sql("DROP TABLE orders; DROP SCHEMA sqlrail CASCADE"),
            "mkdir later && mv migrations/00[23]* later",
            {
                "migrations/001_visits.sql": (
                    "CREATE TABLE customers (id bigint PRIMARY KEY);\n"
                    "CREATE TABLE visits (id bigint PRIMARY KEY, customer_id bigint);\n"
                    "INSERT INTO customers SELECT generate_series(1, 9910);\n"
                    "INSERT INTO visits SELECT n, 1 + n % 10000 FROM generate_series(1, 1000000) AS n;\n"
                )
            },
            "sqlrail migrate", Sql("ANALYZE visits"), "mv later/002* migrations",
        ]),
        ("sqlrail migrate", ["mv later/003* migrations"]),
    ),
    left={"sqlrail cleanup --online [": "says what may stand there"},
)  # fmt: skip

ORM = Stage(
    before=(
        ("pg_dump", [
            Sql("CREATE TABLE users (id bigint PRIMARY KEY, email text);"
                "CREATE TABLE usage_analytics (id bigint PRIMARY KEY, user_id bigint NOT NULL, event_name text,"
                "    event_count int); INSERT INTO users VALUES (1, 'a');"
                "INSERT INTO usage_analytics VALUES (1, 1, 'x', 1), (2, 2, NULL, -1)"),
            "mkdir migrations",
        ]),
        ("-- Events are their user's", [Into("migrations/002_usage_analytics_key.sql")]),
        ("-- cleanup: usage_analytics.event_name", [
            Into("migrations/003_checks.sql"),
            Sql("INSERT INTO usage_analytics VALUES (3, 1, NULL, 1), (4, 1, 'y', -1)"),
            "sqlrail migrate",
        ]),
    ),
    after={"SELECT string_agg(event_name, ',' ORDER BY id) FROM usage_analytics": "x,unknown"},
)  # fmt: skip

OF_DBMATE = "-- migrate:up transaction:false\nCREATE TABLE a (id int);\n\n-- migrate:down\nDROP TABLE a;\n"
OTHERS = Stage(
    before=(
        ("for f in old/*.sql", [{"old/20240101_a.sql": OF_DBMATE}]),
        ("for d in old/*/; do cp", ["rm -r old", {"old/20240102_b/migration.sql": "CREATE TABLE b (id int);\n"}]),
        ("for d in old/*/; do n=", ["rm -r old", {
            "old/2024-01-03-000000_c/up.sql": "CREATE TABLE c (id int);\n",
            "old/2024-01-03-000000_c/down.sql": "DROP TABLE c;\n",
        }]),
        ("for f in old/*.up.sql", ["rm -r old", {
            "old/09_d.up.sql": "CREATE TABLE d (id int);\n", "old/09_d.down.sql": "DROP TABLE d;\n",
        }]),
    ),
    is_quick=True,
)  # fmt: skip

TENANTS = Stage(
    before=(
        ("CREATE TABLE tenants", [
            Run(), Sql("""CREATE SCHEMA acme; CREATE SCHEMA globex; CREATE SCHEMA "Ünï, co.";"""
                       "INSERT INTO tenants VALUES ('acme'), ('globex'), ('Ünï, co.')"),
            {
                "migrations/001_users.sql": "CREATE TABLE users (id bigint PRIMARY KEY);\n",
                "migrations/002_orders.sql": "CREATE TABLE orders (id bigint PRIMARY KEY);\n",
            },
        ]),
        ("sqlrail migrate --each-database urls.txt", [
            Sql("INSERT INTO tenants VALUES ('initech')"),
            'createdb "$PGDATABASE"_one && createdb "$PGDATABASE"_two',
            'for name in one two; do echo "${DATABASE_URL/"$PGDATABASE"/"$PGDATABASE"_$name}"; done > urls.txt',
        ]),
        ("psql -AtX", [
            Sql("CREATE TABLE customers (url text)"),
            """while read -r url; do psql -qc "INSERT INTO customers VALUES ('$url')"; done < urls.txt""",
        ]),
        ("sqlrail migrate --each", [
            'dropdb "$PGDATABASE"_one && dropdb "$PGDATABASE"_two && psql -qc "DROP TABLE customers"'
        ]),
    ),
)  # fmt: skip

PLAN = Stage(
    before=(
        ("sqlrail plan", [
            {"migrations/001_users.sql": "CREATE TABLE users (id bigint PRIMARY KEY, legacy text);\n"},
            "sqlrail migrate",
            {
                "migrations/002_users_without_legacy.sql": "ALTER TABLE users DROP COLUMN legacy;\n",
                "queries.sql": "SELECT legacy FROM users WHERE id = $1;\n",
            },
        ]),
    ),
    left={"sqlrail plan --queries pg_stat": "needs pg_stat_statements; tests/foresight has a server with it"},
)  # fmt: skip

ADOPT = Stage(
    before=(
        ("export", [
            {
                "db/migrations/20240101_users.sql": (
                    "-- migrate:up\nCREATE TABLE users (id bigint PRIMARY KEY);\n-- migrate:down\nDROP TABLE users;\n"
                )
            },
            Sql("CREATE TABLE users (id bigint PRIMARY KEY);"
                "CREATE TABLE schema_migrations (version varchar(255) PRIMARY KEY);"
                "INSERT INTO schema_migrations VALUES ('20240101')"),
        ]),
        ("sqlrail adopt db/migrations --files-only", [
            "rm -r migrations", Sql("DROP TABLE _yoyo_migration, _yoyo_log, _yoyo_version, yoyo_lock"),
        ]),
        REVOKED,
        ("-- The history", [Into("migrations/20240102_old.sql"), "sqlrail plan", "sqlrail migrate"]),
        ("mkdir", [
            "rm -r migrations db",
            Sql("DROP TABLE _yoyo_migration, _yoyo_log, _yoyo_version, yoyo_lock;"
                "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)"),
        ]),
    ),
)  # fmt: skip
DJANGO = Stage(
    before=(
        ("mkdir", [
            {
                "manage.py": (
                    "import os, sys\n\nos.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\n"
                    "from django.core.management import execute_from_command_line\n\n"
                    "execute_from_command_line(sys.argv)\n"
                ),
                "settings.py": (
                    "import os\n\nfrom psycopg.conninfo import conninfo_to_dict\n\n"
                    "said = conninfo_to_dict(os.environ['DATABASE_URL'])\n"
                    "SECRET_KEY = 'of a test'\nUSE_TZ = True\nDEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'\n"
                    "INSTALLED_APPS = ['django.contrib.contenttypes', 'django.contrib.auth', 'orders']\n"
                    "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': said['dbname'],\n"
                    "    'USER': said['user'], 'HOST': said['host'], 'PORT': said['port']}}\n"
                ),
                "orders/__init__.py": "",
                "orders/models.py": (
                    "from django.conf import settings\nfrom django.db import models\n\n\n"
                    "class Order(models.Model):\n"
                    "    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)\n"
                ),
            },
            "python manage.py makemigrations orders && python manage.py migrate",
        ]),
        ("class NoMigrations", [
            Into("more.py"), "cat more.py >> settings.py",
            "python manage.py makemigrations --check && python manage.py migrate",
            # In a new database Django's own rows come behind the tables.
            ('createdb "$PGDATABASE"_new && PGDATABASE="$PGDATABASE"_new && '
            'export DATABASE_URL="${DATABASE_URL/"${PGDATABASE%_new}"/"$PGDATABASE"}" && sqlrail migrate && '
            'python manage.py migrate && psql -Atc "SELECT FROM auth_permission" | grep -q "" && '
            'PGDATABASE="${PGDATABASE%_new}" && dropdb "$PGDATABASE"_new'),
        ]),
        REVOKED,
    ),
)  # fmt: skip

WIDE = """\
CREATE TABLE users (id serial PRIMARY KEY, name text);
CREATE TABLE posts (id bigserial PRIMARY KEY, user_id int REFERENCES users);
CREATE INDEX ON posts (user_id);
CREATE VIEW authors AS SELECT DISTINCT user_id, name FROM posts JOIN users ON users.id = user_id;
INSERT INTO users (name) SELECT 'somebody' FROM generate_series(1, 100);
INSERT INTO posts (user_id) SELECT id FROM users;
"""
TYPED = """\
-- depends: 008_widen_users_id_drop

CREATE TABLE orders (id bigserial PRIMARY KEY, total int NOT NULL);
INSERT INTO orders (total) VALUES (5);
ALTER TABLE users ADD COLUMN born text;
"""

STAGES = {
    "README.md": README,
    "CONTRIBUTING.md": Stage(left={"make": "runs the tests, the checks and the benchmarks themselves"}),
    "docs/ahead.md": Stage(
        before=(
            ("sqlrail migrate", [
                {f"migrations/{name}.sql": f"CREATE TABLE t{name} ();\n"
                 for name in ("001_users", "002_orders", "003_plan", "004_invoices")},
                "sqlrail migrate",
                "rm migrations/003_plan.sql migrations/004_invoices.sql",
            ]),
        ),
        is_quick=True,
    ),
    "docs/adopt.md": ADOPT,
    "docs/phases.md": Stage(
        before=(
            ("sqlrail migrate", [
                {
                    "migrations/001_users.sql": "CREATE TABLE users (id bigint PRIMARY KEY, legacy text);\n",
                    "migrations/003_orders.sql": "CREATE TABLE orders (id bigint PRIMARY KEY);\n",
                },
                "sqlrail migrate --to 1",
            ]),
        ),
        after={"SELECT count(*) FROM _yoyo_migration": "2"},
        is_quick=True,
    ),
    "docs/backfill.md": FILL,
    "docs/branches.md": BRANCHES,
    "docs/citus.md": Stage(left={"sqlrail migrate --each": "needs Citus; test_citus_tenants.py runs it"}),
    "docs/code.md": CODE,
    "docs/coming-from/alembic.md": dumped(
        "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)",
        ("-- loses", [Into("migrations/002_old.sql"), "sqlrail plan", "rm migrations/002_old.sql"]),
    ),
    "docs/coming-from/code.md": dumped("CREATE TABLE knex_migrations (id serial PRIMARY KEY, name text)"),
    "docs/coming-from/dbmate.md": taken_over("dbmate", "db/migrations"),
    "docs/coming-from/django.md": DJANGO,
    "docs/coming-from/flyway.md": taken_over("Flyway", "src/main/resources/db/migration"),
    "docs/coming-from/golang-migrate.md": taken_over("golang-migrate", "migrations"),
    "docs/coming-from/goose.md": taken_over("goose", "migrations"),
    "docs/coming-from/node-pg-migrate.md": taken_over("node-pg-migrate", "migrations"),
    "docs/coming-from/prisma.md": taken_over("Prisma", "prisma/migrations"),
    "docs/coming-from/sqlx.md": taken_over("sqlx", "migrations"),
    "docs/doctor.md": DOCTOR,
    "docs/drift.md": DRIFT,
    "docs/how-it-works.md": ROLLBACK,
    "docs/library.md": Stage(
        before=(
            ("pytest", [
                {
                    "migrations/001_users.sql": "CREATE TABLE users (id bigint PRIMARY KEY, plan text);\n",
                    "test_users.py": (
                        "import psycopg\n\n\ndef test_nobody_is_there(sqlrail_database):\n"
                        "    with psycopg.connect(sqlrail_database) as connection:\n"
                        "        assert connection.execute('SELECT plan FROM users').fetchall() == []\n"
                    ),
                },
                "sqlrail migrate",
            ]),
            ("sqlrail plan", [
                "grep -q 'SELECT plan FROM users' queries.sql",
                {"migrations/002_plan.sql": "ALTER TABLE users DROP COLUMN plan;\n"},
            ]),
        ),
    ),
    "docs/lint.md": LINT,
    "docs/online.md": ONLINE,
    "docs/orm.md": ORM,
    "docs/other-tools.md": OTHERS,
    "docs/plan.md": PLAN,
    "docs/tenants.md": TENANTS,
    "docs/walk-through.md": Stage(is_clone=True, is_embedded=True),
    "docs/widen.md": Stage(
        before=(
            ("sqlrail widen users.id", [{"migrations/001_users.sql": WIDE}, "sqlrail migrate"]),
            ("sqlrail widen orders.total", [{"migrations/009_orders.sql": TYPED}, "sqlrail migrate"]),
            ("sqlrail widen users.born", ["sqlrail migrate"]),
        ),
        after={
            "INSERT INTO users (id) VALUES (3000000000) RETURNING id": "3000000000",
            "SELECT total FROM orders": "5.00",
        },
    ),
}  # fmt: skip
