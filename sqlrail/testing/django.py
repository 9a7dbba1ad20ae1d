"""Django's test runner, whose databases are copies of what the files of sqlrail build.

TEST_RUNNER = "sqlrail.testing.django.Runner", and for each database that sqlrail migrates its folder:
DATABASES = {"default": {..., "TEST": {"SQLRAIL_MIGRATIONS": BASE_DIR / "migrations"}}}.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.test.runner import DiscoverRunner
from psycopg.conninfo import make_conninfo

from sqlrail.errors import SqlrailError
from sqlrail.testing.template import template

FOLDER = "SQLRAIL_MIGRATIONS"
#: what of Django's parameters of a connection says which server that is, and as whom
PLACE = ("host", "port", "user", "password", "sslmode", "sslrootcert", "sslcert", "sslkey", "service")


class Runner(DiscoverRunner):  # type: ignore[misc] # Django ships no types
    """As Django's own, with --parallel too: a test database is a copy of the template, where Django's were empty."""

    def setup_databases(self, **kwargs: Any) -> Any:
        """Django's own; ImproperlyConfigured where no database says which folder builds it, or one cannot be built."""
        folders = {alias: connections[alias].settings_dict["TEST"].get(FOLDER) for alias in connections}
        if not any(folders.values()):
            raise ImproperlyConfigured(
                f"no database of DATABASES has TEST['{FOLDER}'], the folder of its migrations."
            )
        with ExitStack() as made:
            for alias, folder in folders.items():
                if folder:
                    made.enter_context(_built(alias, Path(folder)))
            return super().setup_databases(**kwargs)


@contextmanager
def _built(alias: str, folder: Path) -> Iterator[None]:
    """While it lasts, Django makes this database from what the folder builds."""
    connection = connections[alias]
    given = connection.get_connection_params()
    url = make_conninfo(dbname="postgres", **{name: str(given[name]) for name in PLACE if given.get(name)})
    try:
        with template(url, folder) as made:
            connection.settings_dict["TEST"]["TEMPLATE"] = made.name
            yield
    except (SqlrailError, OSError) as exc:
        raise ImproperlyConfigured(f"the test database {alias} cannot be built: {exc}") from exc
