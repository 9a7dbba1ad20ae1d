"""`sqlrail switch`"""

from __future__ import annotations

import argparse
from contextlib import closing
from typing import TYPE_CHECKING

from sqlrail.cli import flags
from sqlrail.cli.progress import Bar
from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import OK, Result, Verb, idle
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.switch import SwitchResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only say what would be taken back and applied, and which live rows would be lost",
    )
    parser.add_argument("--no-rows", action="store_true", help="with --dry-run: do not count the live rows")
    parser.add_argument(
        "--allow-dirty", action="store_true", help="go on though git has files that are not committed"
    )
    parser.add_argument(
        "--accept-differences",
        action="store_true",
        help="go on though the database would end otherwise than the files build it",
    )
    flags.add(parser, "scratch")


def _refuse_idle(options: argparse.Namespace) -> None:
    if not options.dry_run:
        idle(options, "no_rows", "it goes with --dry-run")


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[SwitchResult]:
    from sqlrail.cli.render import switch as render
    from sqlrail.verbs.switch import switch

    with closing(Bar(talk)) as bar:
        result = switch(
            settings,
            bar,
            allow_dirty=options.allow_dirty,
            accept_differences=options.accept_differences,
            dry_run=options.dry_run,
            counts=not options.no_rows,
        )
    return OK, result.as_json(), render.text(result)


VERB = Verb(
    "development only: take back what this branch of git lacks, and apply what it has",
    _run,
    _add_arguments,
    _refuse_idle,
)
