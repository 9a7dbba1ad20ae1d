"""`sqlrail stop`"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import OK, Result, Verb
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.stop import StoppedResult


def _run(_: argparse.Namespace, settings: Settings, __: Talk) -> Result[StoppedResult]:
    from sqlrail.verbs.stop import stop

    result = stop(settings)
    return OK, result.as_json(), "stopped" if result.stopped else "it was not running"


VERB = Verb("stop the embedded server", _run, needs_database=lambda _: False)
