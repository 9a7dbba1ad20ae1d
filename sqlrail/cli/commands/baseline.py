"""`sqlrail baseline`"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlrail.cli import flags
from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import OK, Result, Run, Verb
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.baseline import BaselinedResult
    from sqlrail.verbs.baseline import Baselined
    from sqlrail.verbs.many import Many


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    flags.add_other_history(parser)
    parser.add_argument("--to", metavar="ID", required=True, help="the last one to be recorded")
    parser.add_argument(
        "--accept-differences", action="store_true",
        help="record them though the database differs from what they build, or cannot be compared",
    )  # fmt: skip
    flags.add(parser, "scratch")
    flags.add_each(parser, schemas=True)


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[BaselinedResult]:
    from sqlrail.verbs.baseline import baseline

    return _baseline(options, settings, talk, baseline)


def _of_many(_: argparse.Namespace, many: Many) -> Run:
    from sqlrail.verbs.baseline_each import BaselineOfMany

    of_many = BaselineOfMany(many)
    return lambda options, settings, talk: _baseline(options, settings, talk, of_many.baseline)


def _baseline(
    options: argparse.Namespace, settings: Settings, talk: Talk, baseline: Callable[..., Baselined]
) -> Result[BaselinedResult]:
    from sqlrail.cli.render import baseline as render

    result = baseline(
        settings, talk, options.to,
        accept_differences=options.accept_differences, allow_other_history=options.allow_other_history,
    )  # fmt: skip
    return OK, result.as_json(), render.text(result)


VERB = Verb(
    "record files as applied without running them, for a database that has what they build",
    _run,
    _add_arguments,
    of_many=_of_many,
)
