"""How others fill a column in batches, each a transaction of its own: what their documentation or their users do."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from common import PYTHON

#: rows of a batch, by the range of the key
SIZE = 10_000
BINS = Path(PYTHON).parent
KNEX = BINS.parent / "peers" / "node_modules" / "knex"

#: a procedure commits as it goes; called in a file of its own, for a message of several statements is one transaction
PROCEDURE = """-- migrate:up
CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$
DECLARE
    low bigint := 0;
    top bigint := (SELECT max(id) FROM users);
BEGIN
    WHILE low < top LOOP
        UPDATE users SET lower = lower(email) WHERE id > low AND id <= low + SIZE;
        COMMIT;
        low := low + SIZE;
    END LOOP;
END $$;
-- migrate:down
"""
CALL = "-- migrate:up transaction:false\nCALL fill();\n-- migrate:down\n"
ALEMBIC = """
from alembic import op
from sqlalchemy import text

revision = "1"
down_revision = None

def upgrade():
    with op.get_context().autocommit_block():
        users = op.get_bind()
        top = users.execute(text("SELECT max(id) FROM users")).scalar()
        for low in range(0, top, SIZE):
            fill = text("UPDATE users SET lower = lower(email) WHERE id > :low AND id <= :upto")
            users.execute(fill, {"low": low, "upto": low + SIZE})
"""
ALEMBIC_ENV = """
import os
from alembic import context
from sqlalchemy import create_engine

engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:"))
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""
DJANGO_SETTINGS = """
import os
from urllib.parse import parse_qs, urlsplit

url = urlsplit(os.environ["DATABASE_URL"])
asked = parse_qs(url.query)
DATABASES = {"default": {
    "ENGINE": "django.db.backends.postgresql", "NAME": url.path[1:], "USER": url.username,
    "HOST": asked["host"][0], "PORT": asked["port"][0],
}}
INSTALLED_APPS = ["people"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "-"
USE_TZ = True
"""
DJANGO = """
from django.db import migrations, models
from django.db.models.functions import Lower

def fill(apps, _):
    users = apps.get_model("people", "User").objects
    top = users.aggregate(top=models.Max("id"))["top"]
    for low in range(0, top, SIZE):
        users.filter(id__gt=low, id__lte=low + SIZE).update(lower=Lower("email"))

class Migration(migrations.Migration):
    atomic = False
    operations = [
        migrations.CreateModel("User", [
            ("id", models.BigAutoField(primary_key=True)), ("email", models.TextField()), ("lower", models.TextField()),
        ], options={"managed": False, "db_table": "users"}),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
"""
#: knex by its own interface, for its command line wants to be installed beside the files
KNEX_RUN = """
const url = new URL(process.env.DATABASE_URL.replace(/^postgresql:/, "http:").replace("@/", "@local/"));
const knex = require(process.argv[2])({ client: "pg", connection: {
  host: url.searchParams.get("host"), port: +url.searchParams.get("port"),
  database: url.pathname.slice(1), user: url.username,
}});
knex.migrate.latest({ directory: __dirname + "/migrations" }).finally(() => knex.destroy());
"""
KNEX_FILL = """
exports.config = { transaction: false };
exports.up = async (knex) => {
  const { top } = await knex("users").max("id as top").first();
  for (let low = 0; low < top; low += SIZE)
    await knex("users").where("id", ">", low).andWhere("id", "<=", low + SIZE)
      .update({ lower: knex.raw("lower(email)") });
};
exports.down = async () => {};
"""


class Filler(NamedTuple):
    """A tool: what of it has to be there, its files, and how it is called with a URL."""

    name: str
    is_there: bool
    files: dict[str, str]
    command: Callable[..., list[str]]


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


FILLERS = [
    Filler(
        "dbmate, a procedure", (BINS / "dbmate").exists(),
        {"db/001_fill.sql": PROCEDURE, "db/002_call.sql": CALL},
        lambda url, folder: [
            str(BINS / "dbmate"), "--url",
            url.replace("?host=", "?socket=").replace("&port=5432", "&sslmode=disable"),
            "--migrations-dir", str(folder / "db"), "--no-dump-schema", "up"],
    ),
    Filler(
        "alembic, a loop", _has("alembic"),
        {"alembic.ini": "[alembic]\nscript_location = %(here)s/env\n", "env/env.py": ALEMBIC_ENV,
         "env/script.py.mako": "", "env/versions/1_fill.py": ALEMBIC},
        lambda _, folder: [PYTHON, "-m", "alembic", "-c", str(folder / "alembic.ini"), "upgrade", "head"],
    ),
    Filler(
        "Django, a loop", _has("django"),
        {"people/__init__.py": "", "people/migrations/__init__.py": "", "people/migrations/0001_fill.py": DJANGO,
         "of_people.py": DJANGO_SETTINGS},
        lambda _, folder: [
            PYTHON, "-m", "django", "migrate", "--settings", "of_people", "--pythonpath", str(folder)],
    ),
    Filler(
        "knex, a loop", KNEX.exists(),
        {"run.js": KNEX_RUN, "migrations/1_fill.js": KNEX_FILL},
        lambda _, folder: ["node", str(folder / "run.js"), str(KNEX)],
    ),
]  # fmt: skip


def there(folder: Path) -> Iterator[tuple[str, Callable[..., list[str]]]]:
    """Those that are installed, each with its files in a folder of its own, and how it is called with a URL."""
    for number, filler in enumerate(FILLERS):
        if not filler.is_there:
            continue
        own = folder / f"filler{number}"
        for name, text in filler.files.items():
            (own / name).parent.mkdir(parents=True, exist_ok=True)
            (own / name).write_text(text.replace("SIZE", str(SIZE)))
        yield filler.name, partial(filler.command, folder=own)
