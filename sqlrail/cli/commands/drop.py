"""`sqlrail drop`"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sqlrail.cli.talk import Talk, typed_name
from sqlrail.cli.verb import OK, Result, Verb
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.database import DroppedResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[DroppedResult]:
    from sqlrail.verbs.database import drop

    result = drop(
        settings,
        talk,
        lambda name: options.yes or typed_name(name, "The database will be dropped with all in it."),
    )
    return (
        OK,
        result.as_json(),
        f"dropped {result.database}" if result.dropped else f"there is no {result.database}",
    )


VERB = Verb("development only: drop the database, where it is there", _run, _add_arguments)
