"""`sqlrail renumber`"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import OK, Result, Verb
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.renumber import RenumberedResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--against",
        dest="ref",
        metavar="REF",
        help="what this git ref has counts as applied, and no database is asked",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the names, and rename nothing")


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[RenumberedResult]:
    from sqlrail.cli.render import renumber as render
    from sqlrail.verbs.renumber import renumber

    result = renumber(settings, talk, ref=options.ref, dry_run=options.dry_run)
    return OK, result.as_json(), render.text(result)


VERB = Verb(
    "give new files that come too early, or have a number twice, numbers behind the newest",
    _run,
    _add_arguments,
    needs_database=lambda options: options.ref is None,
    without_database="`renumber --against REF` needs none.",
)
