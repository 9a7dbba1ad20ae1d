"""`sqlrail init`"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import OK, Result, Verb
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.init import InitResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only say what would be made")


def _run(options: argparse.Namespace, settings: Settings, _: Talk) -> Result[InitResult]:
    from sqlrail.cli.render import init as render
    from sqlrail.verbs.init import init

    result = init(settings.migrations, dry_run=options.dry_run)
    return OK, result.as_json(), render.text(result)


VERB = Verb(
    "make what a project needs around its migrations: Makefile, settings, a job of CI; overwrites nothing",
    _run,
    _add_arguments,
    needs_database=lambda _: False,
)
