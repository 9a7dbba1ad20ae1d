"""`sqlrail stamp`"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sqlrail.cli.talk import Talk, typed_name
from sqlrail.cli.verb import OK, Result, Verb
from sqlrail.ground.settings import Settings
from sqlrail.ground.values import ENVIRONMENTS

if TYPE_CHECKING:
    from sqlrail.results.stamp import StampedResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("environment", choices=ENVIRONMENTS)
    parser.add_argument("--name", help="the database's name, where no terminal can be asked")


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[StampedResult]:
    from sqlrail.verbs.reset import stamp

    question = f"It will be stamped {options.environment}."
    result = stamp(
        settings, talk, options.environment,
        lambda name: options.name == name if options.name else typed_name(name, question),
    )  # fmt: skip
    return OK, result.as_json(), f"stamped {result.stamp}; before it was {result.before or 'not stamped'}"


VERB = Verb(
    "say which environment's database this is, by name (a copy keeps the stamp it came with)",
    _run,
    _add_arguments,
)
