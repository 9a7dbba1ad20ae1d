"""`sqlrail plan`"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sqlrail.cli import flags
from sqlrail.cli.talk import Talk, width
from sqlrail.cli.verb import FOUND, OK, Result, Verb, idle
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.plan import PlanResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    flags.add_history(parser)
    flags.add_other_history(parser)
    parser.add_argument(
        "--check", action="store_true", help="exit 4 unless every file is instant and no cleanup refused"
    )
    parser.add_argument(
        "--format", choices=("table", "markdown"), default="table", help="markdown: for a pull request"
    )
    parser.add_argument(
        "--no-rows",
        action="store_true",
        help="do not look at live rows: neither count those that statements will fail on, nor copy any",
    )
    flags.add(parser, "scratch")
    parser.add_argument(
        "--try",
        action=argparse.BooleanOptionalAction,
        help="run the files over a copy of the live rows (default: where those are few and stay on their server)",
    )
    parser.add_argument(
        "--allow-copy",
        action="store_true",
        help="with --try: however many rows, and to another server",
    )
    flags.add_each(parser)


def _refuse_idle(options: argparse.Namespace) -> None:
    if options.no_rows:
        idle(options, "try", "--no-rows leaves live rows alone")
    if not getattr(options, "try"):
        idle(options, "allow_copy", "it says where a trial may copy rows to, and goes with --try")


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[PlanResult]:
    from sqlrail.cli.render import plan as render
    from sqlrail.foresight.trial import Consent
    from sqlrail.verbs.plan import plan

    consent = Consent(False if options.no_rows else getattr(options, "try"), options.allow_copy)
    result = plan(
        settings,
        talk,
        to=options.to,
        allowed=flags.allowed(options),
        consent=consent,
        counts=not options.no_rows,
    )
    code = FOUND if options.check and not result.is_instant else OK
    text = render.markdown(result) if options.format == "markdown" else render.text(result, width())
    return code, result.as_json(), text


VERB = Verb(
    "say what pending files would do: locks, scans, rows in the way, what is lost; changes nothing",
    _run,
    _add_arguments,
    _refuse_idle,
)
