"""`sqlrail drift`"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlrail.cli import flags
from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import FOUND, OK, Result, Run, Verb, idle
from sqlrail.ground.events import Said
from sqlrail.ground.settings import Settings
from sqlrail.ground.values import names
from sqlrail.ground.words import Script

if TYPE_CHECKING:
    from sqlrail.results.drift import DriftResult
    from sqlrail.schema.sides import Choice
    from sqlrail.verbs.drift import Drift
    from sqlrail.verbs.many import Many


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    other = parser.add_mutually_exclusive_group()
    other.add_argument(
        "--pending", action="store_true", help="what all files build, not only those that are applied"
    )
    flags.add(other, "against")
    other.add_argument(
        "--orm",
        metavar="COMMAND",
        help="what this command makes in the scratch database that DATABASE_URL names",
    )
    for flag, what in (
        ("--schema", "only these schemas"),
        ("--exclude-schema", "not these schemas"),
        ("--exclude-table", "not these tables"),
    ):
        parser.add_argument(
            flag, metavar="NAMES", action="append", default=[], help=f"{what}, separated by commas"
        )
    parser.add_argument("--with-privileges", action="store_true", help="compare GRANTs too")
    parser.add_argument(
        "--print-sql", action="store_true", help="print the SQL that makes the database the same"
    )
    parser.add_argument(
        "--with-drops", action="store_true", help="print what would lose data as SQL, and not as comments"
    )
    parser.add_argument(
        "--write",
        metavar="NAME",
        help="with --orm or --against: write that SQL as a new migration of this name",
    )
    parser.add_argument("--check", action="store_true", help="exit 4 if there is a difference")
    flags.add(parser, "scratch")
    flags.add_each(parser, schemas=True)


def _refuse_idle(options: argparse.Namespace) -> None:
    if not (options.print_sql or options.write or getattr(options, "json", False)):
        idle(options, "with_drops", "it is for --print-sql and --write")
    if options.print_sql:
        idle(options, "write", "--print-sql prints the same, choose one")
    if flags.is_for_each(options):
        idle(options, "write", "many databases differ in many ways; name one")
    if "against" in options:
        idle(options, "scratch", "--against is read as it is")


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[DriftResult]:
    from sqlrail.verbs.drift import drift, write
    from sqlrail.verbs.new import slug

    if settings.against is not None and (options.pending or options.orm is not None):
        settings = replace(settings, against=None)  # what was asked for by name goes before the environment
    if options.write is not None:
        slug(options.write)  # before all is compared
        if options.orm is None and settings.against is None:
            idle(options, "write", "the files are there; name what they shall build by --orm or --against")
    result = drift(settings, talk, _choice(options), pending=options.pending, orm=options.orm)
    if options.write is not None:
        made = write(settings, result, options.write, with_drops=options.with_drops)
        if not made:
            talk(Said("no file was made: there is nothing for SQL to do that loses nothing"))
        result = replace(result, made=tuple(made))
    return _told(options, result)


def _of_many(options: argparse.Namespace, many: Many) -> Run:
    from sqlrail.verbs.drift_each import DriftOfMany

    drifts = DriftOfMany(many, _choice(options), pending=options.pending)
    return lambda options, settings, talk: _told(options, drifts.drift(settings, talk))


def _choice(options: argparse.Namespace) -> Choice:
    from sqlrail.schema.sides import Choice

    return Choice(
        names(",".join(options.schema)),
        names(",".join(options.exclude_schema)),
        names(",".join(options.exclude_table)),
        options.with_privileges,
    )


def _told(options: argparse.Namespace, result: Drift) -> Result[DriftResult]:
    from sqlrail.cli.render import drift as render

    document = result.as_json(with_drops=options.with_drops)
    text = (
        Script(document["sql"])
        if options.print_sql
        else render.text(result, of_many=flags.is_for_each(options))
    )
    return FOUND if options.check and result.differences else OK, document, text


VERB = Verb(
    "compare the database with what the files build, or with another one; changes nothing",
    _run,
    _add_arguments,
    _refuse_idle,
    of_many=_of_many,
)
