"""`sqlrail reset`"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sqlrail.cli import flags
from sqlrail.cli.commands import schema
from sqlrail.cli.talk import Talk, typed_name
from sqlrail.cli.verb import OK, Result, Verb
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.reset import ResetResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")
    flags.add(parser, "seed", nargs="?", const=True, default=None)
    parser.add_argument(
        "--spare", action="append", default=[], metavar="NAME",
        help="leave this alone: a schema with all in it, a table, an extension and so on; may be said several times",
    )  # fmt: skip
    flags.add(parser, "schema_file")


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[ResetResult]:
    from sqlrail.cli.render import migrate as render
    from sqlrail.verbs.reset import reset

    result = reset(
        settings, talk, lambda name: options.yes or typed_name(name, "Everything in it will be dropped."),
        seed=options.seed is not None, spare=options.spare,
    )  # fmt: skip
    if settings.schema_file is not None:
        schema.keep(settings, talk, settings.schema_file)
    return OK, result.as_json(), render.text(result)


VERB = Verb(
    "development only: empty the database and migrate from zero; --seed: with rows to work with",
    _run,
    _add_arguments,
)
