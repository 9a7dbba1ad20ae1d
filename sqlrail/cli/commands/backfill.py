"""`sqlrail backfill`"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from sqlrail.cli import flags
from sqlrail.cli.commands.migrate import applying
from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import Result, Run, Verb
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.migrate import MigrateResult
    from sqlrail.verbs.apply import Migrated
    from sqlrail.verbs.many import Many


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    flags.add_batches(parser)
    flags.add_guards(parser)
    flags.add_cleanup_guards(parser)
    flags.add(parser, "interrupted")
    flags.add_phase(parser)
    flags.add_to(parser)
    flags.add_missing(parser)
    flags.add(parser, "schema_file")
    flags.add_each(parser, schemas=True, shared=True)


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[MigrateResult]:
    from sqlrail.verbs.apply import migrate

    return _backfill(options, settings, talk, migrate)


def _of_many(_: argparse.Namespace, many: Many) -> Run:
    return lambda options, settings, talk: _backfill(options, settings, talk, many.migrate)


def _of_databases() -> Run:
    from sqlrail.files.folder import Reading
    from sqlrail.verbs.apply import migrate
    from sqlrail.verbs.judge import Remembering

    its = partial(migrate, read=Reading(), judge=Remembering())
    return lambda options, settings, talk: _backfill(options, settings, talk, its)


def _backfill(
    options: argparse.Namespace, settings: Settings, talk: Talk, migrate: Callable[..., Migrated]
) -> Result[MigrateResult]:
    # A late file is not run, so that it keeps nobody from what was left before it.
    allowed = ["late", *(["missing"] if options.allow_missing else [])]
    return applying(replace(settings, backfills="only"), talk, migrate, to=options.to, allowed=allowed)


VERB = Verb(
    "run the backfills that `migrate --skip-backfills` left, and the files that depend on one: for a timer",
    _run,
    _add_arguments,
    of_many=_of_many,
    of_databases=_of_databases,
    over=lambda _, many, schema: many.over(schema),
)
