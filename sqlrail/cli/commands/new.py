"""`sqlrail new`"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import OK, Result, Verb
from sqlrail.ground.events import Said
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.new import NewResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="what it does, as in 'add users'")
    parser.add_argument(
        "--timestamp", action="store_true", help="number it by the time in UTC, and not by what is there"
    )


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[NewResult]:
    from sqlrail.verbs.new import new

    made = new(settings.migrations, options.name, timestamp=options.timestamp)
    if made.is_first:
        talk(Said(f"made the folder {settings.migrations}"))
    if made.wider_than:
        talk(
            Said(
                f"{made.id} sorts before {made.wider_than}, for its number has a digit more: "
                "its `-- depends:` keeps it behind"
            )
        )
    return OK, made.as_json(), f"made {made.path}\nmade {made.rollback}"


VERB = Verb(
    "make the next numbered file and its rollback, and the folder if there is none",
    _run,
    _add_arguments,
    needs_database=lambda _: False,
)
