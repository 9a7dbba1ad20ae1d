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


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[NewResult]:
    from sqlrail.verbs.new import new

    made = new(settings.migrations, options.name)
    if made.wider_than:
        talk(
            Said(
                f"{made.id} sorts before {made.wider_than}, for its number has a digit more: "
                "its `-- depends:` keeps it behind"
            )
        )
    return OK, made.as_json(), f"made {made.path}\nmade {made.rollback}"


VERB = Verb(
    "make the next numbered file and its rollback", _run, _add_arguments, needs_database=lambda _: False
)
