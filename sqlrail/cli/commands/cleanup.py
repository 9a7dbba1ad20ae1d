"""`sqlrail cleanup`"""

from __future__ import annotations

import argparse
import time
from contextlib import closing
from typing import TYPE_CHECKING

from sqlrail.cli import flags
from sqlrail.cli.progress import Bar
from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import OK, REFUSED, Result, Verb, idle
from sqlrail.errors import UsageError
from sqlrail.ground.events import Said
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import Script

if TYPE_CHECKING:
    from sqlrail.ground.constraint import Constraint
    from sqlrail.results.cleanup import CleanupResult, PrintedResult
    from sqlrail.verbs.cleanup import Cleanup


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    flags.add_guards(parser)
    flags.add_cleanup_guards(parser)
    parser.add_argument("--dry-run", action="store_true", help="only look")
    parser.add_argument("--print-sql", action="store_true", help="print what would run, as a script for psql")
    online = parser.add_argument_group("for big live tables")
    online.add_argument(
        "--online", action="store_true",
        help="in batches, each a transaction of its own that keeps nobody waiting",
    )  # fmt: skip
    flags.add_batches(online)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--relation",
        action="append",
        metavar="'C.COL -> P.KEY'",
        help="only this, in any form that a `-- cleanup:` line has",
    )
    which.add_argument(
        "--all", action="store_true", help="every foreign key's, not only those that are not validated"
    )
    flags.add_each(parser, schemas=True)


def _refuse_idle(options: argparse.Namespace) -> None:
    if options.print_sql:
        idle(options, "dry_run", "--print-sql only prints")
    if not options.online:
        for flag in flags.BATCHES:
            idle(options, flag, "it is for --online")


def _run(
    options: argparse.Namespace, settings: Settings, talk: Talk
) -> Result[CleanupResult | PrintedResult]:
    from sqlrail.cli.render import cleanup as render
    from sqlrail.ground.kinds import parse_decided
    from sqlrail.verbs.cleanup import cleanup

    named = flags.constraints(options.relation or [], parse_decided)
    if options.print_sql:
        return _print_sql(options, settings, talk, named)
    if options.online and not options.dry_run:
        result = _clean_online(options, settings, talk, named)
    else:
        result = cleanup(settings, talk, named, every=options.all, dry_run=options.dry_run)
    code = REFUSED if result.undecided and not result.dry_run else OK
    return code, result.as_json(), render.text(result)


def _print_sql(
    options: argparse.Namespace, settings: Settings, talk: Talk, named: list[Constraint]
) -> Result[PrintedResult]:
    from sqlrail.cli.render import cleanup as render
    from sqlrail.verbs.cleanup import print_sql

    if options.online:
        raise UsageError("--print-sql prints the one transaction of a cleanup; an --online one has many.")
    printed = print_sql(settings, talk, named, every=options.all)
    for one in printed.undecided:
        talk(Said(f"left out: {render.line(one)}"))
    return REFUSED if printed.undecided else OK, printed.as_json(), Script(printed.sql)


def _clean_online(
    options: argparse.Namespace, settings: Settings, talk: Talk, named: list[Constraint]
) -> Cleanup:
    from sqlrail.batches.interrupts import Interrupts
    from sqlrail.verbs import online

    interrupts = Interrupts()
    talk.on_interrupt(interrupts.interrupt)
    with closing(Bar(talk, told=time.monotonic())) as bar:
        return online.cleanup(settings, bar, named, every=options.all, interrupts=interrupts)


VERB = Verb(
    "archive, then delete or mend, the rows that files declare a cleanup for, and orphans of keys not validated",
    _run,
    _add_arguments,
    _refuse_idle,
)
