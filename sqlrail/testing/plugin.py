"""The pytest plugin: `sqlrail_database` gives each test a migrated database of its own.

Loaded by every pytest that finds sqlrail installed: what it needs is imported where a test asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sqlrail.testing.template import Template
    from sqlrail.testing.templates import Templates

URL, FOLDER, AHEAD, RESET = "sqlrail_database_url", "sqlrail_migrations", "sqlrail_ahead", "sqlrail_reset"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        URL,
        "the server for tests, where SQLRAIL_TEST_DATABASE_URL names none (else: an embedded one)",
        default="",
    )
    parser.addini(FOLDER, "the folder of the migrations, from the root of the tests", default="migrations")
    parser.addini(AHEAD, "so many databases are made before tests ask for them (4; 0: none)", default="")
    parser.addini(
        RESET,
        "make a database that a test has used as it was, and give it to another (false)",
        type="bool",
        default=False,
    )


@pytest.fixture(scope="session")
def sqlrail_templates(
    request: pytest.FixtureRequest,
) -> Iterator[Callable[[str | os.PathLike[str]], Template]]:
    """What gives the template of a folder, from the root of the tests."""
    from sqlrail.testing.templates import Templates

    config = request.config
    with Templates(config.rootpath, config.getini(URL), _number(config, AHEAD)) as templates:
        yield lambda folder: _told(templates, folder, bool(config.getini(RESET)))


@pytest.fixture(scope="session")
def sqlrail_template(
    request: pytest.FixtureRequest, sqlrail_templates: Callable[[str | os.PathLike[str]], Template]
) -> Template:
    """What the migrations build; its copy() is a context with the URL of a database, for a scope of one's own."""
    return sqlrail_templates(request.config.getini(FOLDER))


@pytest.fixture
def sqlrail_database(sqlrail_template: Template) -> Iterator[str]:
    """The URL of a migrated database that only this test has; whoever is still connected afterwards is cut off."""
    with sqlrail_template.copy() as url:
        yield url


def _number(config: pytest.Config, name: str) -> int | None:
    given = str(config.getini(name))
    if given and not given.isdecimal():
        pytest.fail(f"{name} is {given!r} in pytest's configuration: give a whole number.", pytrace=False)
    return int(given) if given else None


def _told(templates: Templates, folder: str | os.PathLike[str], resets: bool) -> Template:
    """The template of a folder; where it cannot be made, the test fails with the sentence alone."""
    from sqlrail.errors import SqlrailError

    try:
        return templates.of(folder, resets)
    except (SqlrailError, OSError) as exc:
        pytest.fail(str(exc), pytrace=False)
