"""`sqlrail rollback`"""

from __future__ import annotations

import argparse
import re
from contextlib import closing
from typing import TYPE_CHECKING

from sqlrail.cli import flags
from sqlrail.cli.progress import Bar
from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import OK, Result, Verb, idle
from sqlrail.errors import UsageError
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.rollback import RollbackResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    flags.add(parser, "interrupted")
    how_far = parser.add_mutually_exclusive_group()
    how_far.add_argument("--steps", metavar="N", help="how many, the newest first (default: 1)")
    how_far.add_argument("--to", metavar="ID", help="all that come after this one, which stays applied")
    parser.add_argument(
        "--stored",
        action="store_true",
        help="where a migration has no file here, by what was kept of its rollback when it was applied",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only say what would be taken back, and which live rows would be lost",
    )
    parser.add_argument("--no-rows", action="store_true", help="with --dry-run: do not count the live rows")
    flags.add(parser, "scratch")
    parser.add_argument("--yes", action="store_true", help="in production too")
    flags.add_each(parser, schemas=True)


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[RollbackResult]:
    from sqlrail.cli.render import rollback as render
    from sqlrail.verbs.rollback import rollback

    steps = "1" if options.steps is None else options.steps
    if not re.fullmatch("[0-9]{1,9}", steps) or not int(steps):
        raise UsageError(f"--steps is '{steps}': write a whole number, 1 or more.")
    if not options.dry_run:
        for flag in ("no_rows", "scratch"):
            idle(options, flag, "it goes with --dry-run")
    with closing(Bar(talk)) as bar:
        result = rollback(
            settings,
            bar,
            steps=int(steps),
            to=options.to,
            yes=options.yes,
            stored=options.stored,
            dry_run=options.dry_run,
            counts=not options.no_rows,
        )
    return OK, result.as_json(), render.text(result)


VERB = Verb(
    "take back the newest migrations by their .rollback.sql files, each in one transaction",
    _run,
    _add_arguments,
)
