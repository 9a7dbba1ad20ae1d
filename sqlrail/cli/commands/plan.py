"""`sqlrail plan`"""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlrail.cli import flags
from sqlrail.cli.talk import Talk, width
from sqlrail.cli.verb import FOUND, OK, Result, Run, Verb, idle
from sqlrail.ground.names import unqualified
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.plan import PlanResult
    from sqlrail.verbs.many import Many
    from sqlrail.verbs.planned import Plan


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    flags.add_history(parser)
    flags.add_other_history(parser)
    parser.add_argument(
        "--check", action="store_true", help="exit 4 unless every file is instant and no cleanup refused"
    )
    parser.add_argument(
        "--format",
        choices=("table", "markdown", "html"),
        default="table",
        help="markdown: for a pull request; html: a report in one file, with the SQL, for whoever approves",
    )
    parser.add_argument(
        "--no-rows",
        action="store_true",
        help="do not look at live rows: neither count those that statements will fail on, nor copy any",
    )
    flags.add_phase(parser)
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
    parser.add_argument(
        "--queries",
        metavar="FILE",
        help="of the release that is running: say which of them a file breaks; FILE, or pg_stat_statements",
    )
    backfills = parser.add_argument_group("for backfills")
    backfills.add_argument(
        "--sample",
        action="store_true",
        help="run some batches of each on the live database, and roll them back, to say how long it takes",
    )
    flags.add(backfills, "batch_time", "pause")
    flags.add_each(parser, schemas=True)


def _refuse_idle(options: argparse.Namespace) -> None:
    if options.format == "html" and flags.is_for_each(options):
        idle(options, "format", "the report is of one database, and the tenants are many")
    if flags.is_for_each(options):
        idle(options, "queries", "the release that is running is looked at in one database")
    if options.no_rows:
        for flag in ("try", "sample"):
            idle(options, flag, "--no-rows leaves live rows alone")
    if not getattr(options, "try"):
        idle(options, "allow_copy", "it says where a trial may copy rows to, and goes with --try")


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[PlanResult]:
    from sqlrail.verbs.plan import plan

    result = plan(settings, talk, **_asked(options), queries=options.queries)
    text = _report(result, talk) if options.format == "html" else _text(options, result)
    return _code(options, result), result.as_json(), text


def _of_many(options: argparse.Namespace, many: Many) -> Run:
    from sqlrail.verbs.plan_each import PlanOfMany

    plans = PlanOfMany(many, **_asked(options))

    def run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[PlanResult]:
        found = plans.plan(settings, talk)
        # Rows differ from tenant to tenant: where files come to the same, the text is that of the first one.
        text = unqualified(_text(options, found.shown), found.shown_for)
        if found.rehearsed_for != settings.tenant:
            talk.is_like(found.rehearsed_for)
        return _code(options, found.plan), found.plan.as_json(), text

    return run


def _asked(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments of plan()."""
    from sqlrail.foresight.trial import Consent

    consent = Consent(False if options.no_rows else getattr(options, "try"), options.allow_copy)
    allowed = flags.allowed(options)
    counted = {"counts": not options.no_rows, "samples": options.sample}
    return {"to": options.to, "allowed": allowed, "consent": consent, **counted}


def _code(options: argparse.Namespace, result: Plan) -> int:
    return FOUND if options.check and not result.is_instant else OK


def _text(options: argparse.Namespace, result: Plan) -> str:
    from sqlrail.cli.render import plan as render

    return render.markdown(result) if options.format == "markdown" else render.text(result, width())


def _report(result: Plan, talk: Talk) -> str:
    from sqlrail.cli.render import plan as render

    sources = {}
    for file in result.files:
        with suppress(OSError):  # it is gone meanwhile
            sources[file.id] = Path(file.path).read_text(encoding="utf-8-sig", errors="replace")
    return render.page(result, talk.target, sources)


VERB = Verb(
    "say what pending files would do: locks, scans, rows in the way, what is lost; changes nothing",
    _run,
    _add_arguments,
    _refuse_idle,
    of_many=_of_many,
)
