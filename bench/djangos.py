"""A project of django-tenants: an app with as many migrations as there are files, and a row for each tenant."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
from common import PYTHON, run

SETTINGS = """
SECRET_KEY = "-"
USE_TZ = True
PLACE = {{"NAME": {name!r}, "USER": {user!r}, "HOST": {host!r}, "PORT": {port!r}}}
DATABASES = {{"default": {{"ENGINE": "django_tenants.postgresql_backend", **PLACE}}}}
DATABASE_ROUTERS = ("django_tenants.routers.TenantSyncRouter",)
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
SHARED_APPS = ("django_tenants", "django.contrib.contenttypes", "customers")
TENANT_APPS = ("things",)
INSTALLED_APPS = [*SHARED_APPS, *TENANT_APPS]
TENANT_MODEL, TENANT_DOMAIN_MODEL = "customers.Client", "customers.Domain"
"""
CUSTOMERS = """
from django_tenants.models import DomainMixin, TenantMixin
class Client(TenantMixin):
    auto_create_schema = False
class Domain(DomainMixin):
    pass
"""
MIGRATION = """
from django.db import migrations, models
class Migration(migrations.Migration):
    dependencies = {before!r}
    operations = [{operation}]
"""
MAKE = "migrations.CreateModel('T{}', [('id', models.AutoField(primary_key=True)), ('name', models.TextField())])"
ADD = "migrations.AddField('T1', 'more{}', models.IntegerField(null=True))"


def is_there() -> bool:
    """Whether it is installed beside this Python."""
    return importlib.util.find_spec("django_tenants") is not None


class Project:
    """The project in a folder, and its first tenant."""

    def __init__(self, url: str, folder: Path, number: int) -> None:
        """number: of migrations."""
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        named = {
            "name": parts.path[1:],
            "user": parts.username,
            "host": query["host"][0],
            "port": query["port"][0],
        }
        self.url, self._folder, self._last = url, folder, ""
        for app in ("customers", "things"):
            (folder / app / "migrations").mkdir(parents=True)
            for package in (folder / app, folder / app / "migrations"):
                (package / "__init__.py").touch()
        (folder / "settings.py").write_text(SETTINGS.format(**named))
        (folder / "customers" / "models.py").write_text(CUSTOMERS)
        (folder / "things" / "models.py").touch()
        for n in range(1, number + 1):
            self._write(f"{n:04}_t{n}", MAKE.format(n))

    def begin(self) -> None:
        """Makes what is shared, and the first tenant."""
        self._manage("makemigrations", "customers")
        self._manage("migrate_schemas", "--shared")
        with psycopg.connect(self.url) as connection:
            connection.execute("CREATE SCHEMA tenant00000")
        self.enter(["tenant00000"])
        self.idle()

    def enter(self, names: Iterable[str]) -> None:
        """Names more tenants."""
        with psycopg.connect(self.url) as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO customers_client (schema_name) VALUES (%s)", [(name,) for name in names]
            )

    def enter_copies(self, names: list[str]) -> None:
        """The same of schemas that are copies of the first one's."""
        self.enter(names)
        with psycopg.connect(self.url) as connection:
            for name in names:
                table = f"{name}.django_migrations"
                connection.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), 1000)", [table])

    def idle(self) -> float:
        """Seconds of one run over all."""
        return self._manage("migrate_schemas", "--tenant")

    def busy(self, number: int) -> float:
        """The same with one migration more."""
        self._write(f"{100 + number:04}_more", ADD.format(number))
        return self.idle()

    def _write(self, name: str, operation: str) -> None:
        before = [("things", self._last)] if self._last else []
        text = MIGRATION.format(before=before, operation=operation)
        (self._folder / "things" / "migrations" / f"{name}.py").write_text(text)
        self._last = name

    def _manage(self, *arguments: str) -> float:
        folder = str(self._folder)
        return run(
            [PYTHON, "-m", "django", *arguments, "--settings", "settings", "--pythonpath", folder], self.url
        )
