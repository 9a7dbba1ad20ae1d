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
from psycopg.pq import Conninfo

from sqlrail.errors import SqlrailError
from sqlrail.testing.template import template

FOLDER = "SQLRAIL_MIGRATIONS"
#: what of Django's parameters of a connection are libpq's, and not the driver's
PARAMETERS = frozenset(option.keyword.decode() for option in Conninfo.get_defaults())


class Runner(DiscoverRunner):  # type: ignore[misc] # Django ships no types
    """As Django's own, with --parallel too: a test database is a copy of the template, where Django's were empty."""

    keepdb: bool

    def setup_databases(self, **kwargs: Any) -> Any:
        """Django's own, of the databases that the tests use, made anew each time, with --keepdb too.

        ImproperlyConfigured where no database says which folder builds it, or one cannot be built.
        """
        folders = {alias: connections[alias].settings_dict["TEST"].get(FOLDER) for alias in connections}
        if not any(folders.values()):
            raise ImproperlyConfigured(
                f"no database of DATABASES has TEST['{FOLDER}'], the folder of its migrations."
            )
        if self.keepdb:
            self.log("--keepdb keeps no database here: the template is kept, and copied anew.")
            self.keepdb = False
        wanted = kwargs.get("aliases")
        with ExitStack() as made:
            for alias, folder in folders.items():
                if folder and (wanted is None or alias in wanted):
                    made.enter_context(_built(alias, Path(folder)))
            return super().setup_databases(**kwargs)


@contextmanager
def _built(alias: str, folder: Path) -> Iterator[None]:
    """While it lasts, Django makes this database from what the folder builds."""
    connection = connections[alias]
    given = connection.get_connection_params()
    parameters = {name: str(given[name]) for name in PARAMETERS & given.keys() if given[name] is not None}
    url = make_conninfo(**{**parameters, "dbname": "postgres"})
    with ExitStack() as stack:
        try:
            made = stack.enter_context(template(url, folder))
        except (SqlrailError, OSError) as exc:
            raise ImproperlyConfigured(f"the test database {alias} cannot be built: {exc}") from exc
        connection.settings_dict["TEST"]["TEMPLATE"] = made.name
        yield
