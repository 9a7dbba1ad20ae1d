"""`sqlrail baseline`"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sqlrail.cli import flags
from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import OK, Result, Verb
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.baseline import BaselinedResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    flags.add_other_history(parser)
    parser.add_argument("--to", metavar="ID", required=True, help="the last one to be recorded")
    parser.add_argument(
        "--accept-differences", action="store_true",
        help="record them though the database differs from what they build, or cannot be compared",
    )  # fmt: skip
    flags.add(parser, "scratch")
    flags.add_each(parser)


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[BaselinedResult]:
    from sqlrail.cli.render import baseline as render
    from sqlrail.verbs.baseline import baseline

    result = baseline(
        settings, talk, options.to,
        accept_differences=options.accept_differences, allow_other_history=options.allow_other_history,
    )  # fmt: skip
    return OK, result.as_json(), render.text(result)


VERB = Verb(
    "record files as applied without running them, for a database that has what they build",
    _run,
    _add_arguments,
)
