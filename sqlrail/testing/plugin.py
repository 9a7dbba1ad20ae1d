"""The pytest plugin: `sqlrail_database` gives each test a migrated database of its own.

Loaded by every pytest that finds sqlrail installed: what it needs is imported where a test asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sqlrail.testing.template import Template
    from sqlrail.testing.templates import Templates

#: the option of a run that collects queries, and where its own and its workers' are
QUERIES, COLLECTED = "--sqlrail-queries", pytest.StashKey[set[str]]()
URL, FOLDER, AHEAD, RESET = "sqlrail_database_url", "sqlrail_migrations", "sqlrail_ahead", "sqlrail_reset"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("sqlrail").addoption(
        QUERIES,
        metavar="FILE",
        help="write what tests send to their databases to FILE, as `sqlrail plan --queries FILE` reads it",
    )
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

    config, seen = request.config, None
    if config.getoption(QUERIES):
        from sqlrail.testing.seen import Seen

        seen = Seen(config.stash.setdefault(COLLECTED, set()))
    with Templates(config.rootpath, config.getini(URL), _number(config, AHEAD), seen) as templates:
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


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes what a worker of pytest-xdist has collected."""
    output = getattr(node, "workeroutput", {})  # one that was killed has none
    node.config.stash.setdefault(COLLECTED, set()).update(output.get(QUERIES, ()))


def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    if not config.getoption(QUERIES):
        return
    found = config.stash.setdefault(COLLECTED, set())
    if hasattr(config, "workeroutput"):
        config.workeroutput[QUERIES] = sorted(found)
        return
    from sqlrail.testing.seen import written

    path = config.invocation_params.dir / config.getoption(QUERIES)
    try:
        path.write_text(written(found), encoding="utf-8")
    except OSError as exc:
        raise pytest.UsageError(f"{QUERIES}: {path} cannot be written: {exc.strerror}.") from exc


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if config.getoption(QUERIES):
        number = len(config.stash.get(COLLECTED, set()))
        terminalreporter.write_line(
            f"sqlrail: {number} queries of the tests are in {config.getoption(QUERIES)}"
        )


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
