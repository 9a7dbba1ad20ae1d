"""`sqlrail restore`"""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from sqlrail.cli import flags
from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import OK, Result, Verb
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.restore import RestoreResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    flags.add_guards(parser)
    parser.add_argument(
        "run", type=_number, metavar="RUN", help="its number, as cleanup and archive list show it"
    )
    parser.add_argument("--relation", metavar="'C.COL -> P.KEY'", help="this relation only")
    parser.add_argument(
        "--force",
        action="store_true",
        help="all rows that no foreign key forbids, and without values whose column is gone",
    )
    flags.add_each(parser, schemas=True)


def _number(text: str) -> int:
    # int() takes 1_0 for 10.
    if not re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"'{text}' is not the number of a run")
    return int(text)


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[RestoreResult]:
    from sqlrail.cli.render import restore as render
    from sqlrail.ground.kinds import parse
    from sqlrail.verbs.restore import restore

    named = flags.constraints([options.relation] if options.relation is not None else [], parse)
    result = restore(settings, talk, options.run, next(iter(named), None), force=options.force)
    return OK, result.as_json(), render.text(result)


VERB = Verb("put the archived rows of a run back, those whose parent is there again", _run, _add_arguments)
