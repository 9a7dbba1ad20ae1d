"""`sqlrail status`"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlrail.cli import flags
from sqlrail.cli.talk import Talk, width
from sqlrail.cli.verb import FOUND, OK, Result, Run, Verb, idle
from sqlrail.ground.settings import Settings
from sqlrail.ground.values import PHASES

if TYPE_CHECKING:
    from sqlrail.results.status import StatusResult
    from sqlrail.verbs.apply import Status
    from sqlrail.verbs.many import Many


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="exit 4 unless everything is applied and intact")
    parser.add_argument(
        "--allow-ahead",
        action="store_true",
        help="with --check: also if a newer release has been here, for the probes of an older one",
    )
    parser.add_argument(
        "--skip-backfills",
        action="store_true",
        help="with --check: also if `backfill` has work to do, where `migrate --skip-backfills` was called",
    )
    parser.add_argument(
        "--phase",
        choices=PHASES,
        metavar="|".join(PHASES),
        help="with --check: also if only files of the other phase are left, where `migrate --phase` was called",
    )
    parser.add_argument(
        "--format", choices=("table", "html"), default="table", help="html: a report in one file"
    )
    flags.add_each(parser, schemas=True, shared=True)


def _refuse_idle(options: argparse.Namespace) -> None:
    if flags.is_for_each(options):
        idle(options, "format", "the report is of one database, and the tenants are many")
    if not options.check:
        for flag in ("allow_ahead", "skip_backfills", "phase"):
            idle(options, flag, "it says what --check lets pass")


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[StatusResult]:
    from sqlrail.verbs.apply import status

    return _status(options, settings, talk, status)


def _of_many(_: argparse.Namespace, many: Many) -> Run:
    return lambda options, settings, talk: _status(options, settings, talk, many.status)


def _status(
    options: argparse.Namespace, settings: Settings, talk: Talk, status: Callable[..., Status]
) -> Result[StatusResult]:
    from sqlrail.cli.render import status as render

    result = status(settings, talk)
    is_well = result.is_well(
        may_be_ahead=options.allow_ahead, may_leave_backfills=options.skip_backfills, phase=settings.phase
    )
    code = FOUND if options.check and not is_well else OK
    text = render.page(result, talk.target) if options.format == "html" else render.text(result, width())
    return code, result.as_json(), text


VERB = Verb("show the history; changes nothing", _run, _add_arguments, _refuse_idle, of_many=_of_many)
