"""`sqlrail doctor`"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlrail.cli import flags
from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import FOUND, OK, Result, Verb
from sqlrail.ground.events import Said
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.doctor import HealthResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="count no rows")
    flags.add(parser, "retention")
    parser.add_argument(
        "--write", metavar="NAME", nargs="?", const="mend", default=None,
        help="write what mends it as new migrations (of the name mend)",
    )  # fmt: skip
    parser.add_argument("--check", action="store_true", help="exit 4 if anything is found")
    flags.add_each(parser, schemas=True)


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[HealthResult]:
    from sqlrail.cli.render import doctor as render
    from sqlrail.verbs.doctor import doctor, write
    from sqlrail.verbs.new import slug

    if options.write is not None:
        slug(options.write)  # before all is counted
    result = doctor(settings, talk, quick=options.quick)
    if options.write is not None:
        result = replace(result, made=tuple(write(settings, result, options.write)))
        if not result.made:
            talk(Said("no file was made: there is nothing that SQL mends"))
    code = FOUND if options.check and result.findings else OK
    return code, result.as_json(), render.text(result, of_many=flags.is_for_each(options))


VERB = Verb(
    "find what is unhealthy in the database, with the SQL that mends it; changes nothing",
    _run,
    _add_arguments,
)
