"""`sqlrail create`"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import OK, Result, Verb
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.database import CreatedResult


def _run(_: argparse.Namespace, settings: Settings, talk: Talk) -> Result[CreatedResult]:
    from sqlrail.verbs.database import create

    result = create(settings, talk)
    return (
        OK,
        result.as_json(),
        f"made {result.database}" if result.created else f"{result.database} is there",
    )


VERB = Verb("development only: make the database, where it is not there", _run)
