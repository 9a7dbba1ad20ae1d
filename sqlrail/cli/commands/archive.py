"""`sqlrail archive`"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sqlrail.cli import flags
from sqlrail.cli.talk import Talk, typed_name, width
from sqlrail.cli.verb import OK, Result, Verb, idle
from sqlrail.errors import UsageError
from sqlrail.ground.settings import Settings
from sqlrail.ground.values import age

if TYPE_CHECKING:
    from sqlrail.results.archive import ArchiveResult, PurgeResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "purge"))
    parser.add_argument("--older-than", metavar="TIME", help="purge: of runs that are older, as in 30d")
    parser.add_argument("--yes", action="store_true", help="purge: do not ask, in production too")
    flags.add_each(parser, schemas=True)


def _refuse_idle(options: argparse.Namespace) -> None:
    if options.action != "purge":
        for flag in ("older_than", "yes"):
            idle(options, flag, "it is for purge")


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[ArchiveResult | PurgeResult]:
    from sqlrail.cli.render import archive as render
    from sqlrail.verbs import archive

    if options.action == "list":
        result = archive.list_runs(settings, talk)
        return OK, result.as_json(), render.text(result, width())
    older_than = _seconds(options.older_than)
    done = archive.purge(settings, talk, older_than, lambda name, what: options.yes or typed_name(name, what))
    return OK, done.as_json(), render.purged(done)


def _seconds(text: str | None) -> float:
    if text is None:
        raise UsageError("archive purge needs --older-than, as in --older-than 30d.")
    try:
        return age(text)
    except ValueError as exc:
        raise UsageError(f"--older-than is '{text}': {exc}.") from exc


VERB = Verb("list what cleanups have archived, or purge what is old", _run, _add_arguments, _refuse_idle)
