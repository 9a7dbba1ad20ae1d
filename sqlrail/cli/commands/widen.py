"""`sqlrail widen`"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import OK, Result, Verb
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.widen import WidenResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("column", metavar="TABLE.COLUMN", help="the column, as in users.id")
    parser.add_argument(
        "--type",
        metavar="TYPE",
        help="what it becomes, as in 'numeric(12,2)'; otherwise an integer becomes bigint",
    )
    parser.add_argument(
        "--using",
        metavar="EXPRESSION",
        help="its new value, by columns of its row, as in ALTER TABLE ... TYPE ... USING",
    )
    parser.add_argument(
        "--back", metavar="EXPRESSION", help="the old value, by the new one, for the way back"
    )
    parser.add_argument("--not-null", action="store_true", help="make it, of whatever type, NOT NULL instead")
    parser.add_argument("--dry-run", action="store_true", help="print the files, and write none")


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[WidenResult]:
    from sqlrail.cli.render import widen as render
    from sqlrail.verbs.widen import widen

    result = widen(
        settings,
        talk,
        options.column,
        type_=options.type,
        using=options.using,
        back=options.back,
        not_null=options.not_null,
        dry_run=options.dry_run,
    )
    return OK, result.as_json(), render.text(result)


VERB = Verb(
    "write the files that give a column another type, or make it NOT NULL, while the application is at work",
    _run,
    _add_arguments,
)
