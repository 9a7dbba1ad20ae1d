"""`sqlrail repair`"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sqlrail.cli import flags
from sqlrail.cli.talk import Talk, typed
from sqlrail.cli.verb import OK, Result, Verb
from sqlrail.ground.events import Said
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.repair import RepairedResult
    from sqlrail.verbs.repair import Repair


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "ids", nargs="*", metavar="ID", help="only these (else all that were edited or renamed)"
    )
    parser.add_argument(
        "--forget",
        action="append",
        metavar="ID",
        help="remove the record of a file that is gone for good, or the checkpoints of one that is half done",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    flags.add_each(parser, schemas=True)


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[RepairedResult]:
    from sqlrail.cli.render import repair as render
    from sqlrail.verbs.repair import repair

    def confirm(offered: list[Repair]) -> bool:
        if options.yes:
            return True
        talk(Said(render.offered(offered)))
        return typed("yes", "Type yes to accept that: ")

    result = repair(settings, talk, options.ids, options.forget or [], confirm)
    return OK, result.as_json(), render.text(result)


VERB = Verb("accept files that were edited or renamed, into the log", _run, _add_arguments)
