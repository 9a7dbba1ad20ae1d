"""Tenants with a database each: a file with a URL a line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from sqlrail.errors import UsageError
from sqlrail.ground.reading import of_database
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import masked
from sqlrail.postgres.connect import place
from sqlrail.tenants.tenant import Tenant

#: how the standard input is named
STDIN = "-"


def of_file(name: str, settings: Settings) -> list[Tenant]:
    """The databases that a file names, a URL a line, or the standard input for `-`; blank lines and # are passed over.

    A tenant is called host/database, and its URL appears nowhere. UsageError with all that is wrong, by line: then
    nothing is to be begun.
    """
    problems: list[str] = []
    tenants, lines = list[Tenant](), dict[str, int]()
    for number, url in _lines(name):
        origin, before = f"{_shown(name)}:{number}", len(problems)
        its = of_database(settings, url, origin, problems)
        if len(problems) > before:
            continue
        called = masked(place(its), its.secrets)
        if called in lines:
            problems.append(
                f"{origin} names {called}, as line {lines[called]} does: write each database once."
            )
        lines.setdefault(called, number)
        tenants.append(Tenant(called, its))
    if problems:
        raise UsageError(*problems)
    if not tenants:
        raise UsageError(
            f"{_shown(name)} names no database: write a URL a line, postgresql://user@host:5432/name."
        )
    return tenants


def _lines(name: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(_text(name).splitlines(), 1):
        url = line.strip()
        if url and not url.startswith("#"):
            yield number, url


def _text(name: str) -> str:
    try:
        content = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
        return content.decode("utf-8-sig")
    except OSError as exc:
        raise UsageError(f"--each-database: {name} cannot be read: {exc.strerror}.") from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"--each-database: {_shown(name)} is not UTF-8.") from exc


def _shown(name: str) -> str:
    return "stdin" if name == STDIN else name
