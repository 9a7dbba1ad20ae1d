"""`sqlrail migrate`"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlrail.cli import flags
from sqlrail.cli.commands import schema
from sqlrail.cli.progress import Bar
from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import OK, Result, Run, Verb
from sqlrail.ground.events import Said
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.migrate import MigrateResult
    from sqlrail.verbs.apply import Migrated
    from sqlrail.verbs.many import Many


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    flags.add_guards(parser)
    flags.add_cleanup_guards(parser)
    flags.add(parser, "interrupted")
    flags.add_phase(parser)
    backfills = parser.add_argument_group("for backfills")
    backfills.add_argument(
        "--skip-backfills",
        action="store_true",
        help="leave files with one to `backfill`, and those that depend on one",
    )
    flags.add_batches(backfills)
    flags.add_history(parser)
    parser.add_argument(
        "--new-schema",
        action="store_true",
        help="migrate the first schema of the search_path from zero, whatever is recorded in others",
    )
    parser.add_argument(
        "--stamp",
        action="store_true",
        help="write the environment's name into a database that was migrated without a stamp",
    )
    flags.add_other_history(parser)
    flags.add(parser, "schema_file")
    flags.add_each(parser, schemas=True, shared=True)


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[MigrateResult]:
    from sqlrail.verbs.apply import migrate

    return _migrate(options, settings, talk, migrate)


def _of_many(_: argparse.Namespace, many: Many) -> Run:
    return lambda options, settings, talk: _migrate(options, settings, talk, many.migrate)


def _of_databases() -> Run:
    from sqlrail.files.folder import Reading
    from sqlrail.verbs.apply import migrate
    from sqlrail.verbs.judge import Remembering

    its = partial(migrate, read=Reading(), judge=Remembering())
    return lambda options, settings, talk: _migrate(options, settings, talk, its)


def _over(options: argparse.Namespace, many: Many, schema: str) -> object:
    return None if options.stamp else many.over(schema)


def _migrate(
    options: argparse.Namespace, settings: Settings, talk: Talk, migrate: Callable[..., Migrated]
) -> Result[MigrateResult]:
    if options.new_schema:
        settings = replace(settings, new_schema=True)
    if options.skip_backfills:
        settings = replace(settings, backfills="skip")
    return applying(
        settings, talk, migrate, to=options.to, allowed=flags.allowed(options), stamp=options.stamp
    )


def applying(
    settings: Settings, talk: Talk, migrate: Callable[..., Migrated], **asked: Any
) -> Result[MigrateResult]:
    """Calls migrate with what was asked, and tells what came of it; the file of the schema is kept."""
    from sqlrail.cli.render import migrate as render

    with closing(Bar(talk, names_files=True)) as bar:
        result = migrate(settings, bar, **asked)
    if result.taken_over:
        ids = ", ".join(result.taken_over)
        talk(Said(f"plain yoyo applied {ids}: today's content was taken over as theirs"))
    if settings.schema_file is not None and (result.applied or not settings.schema_file.exists()):
        schema.keep(settings, talk, settings.schema_file)
    return OK, result.as_json(), render.text(result)


VERB = Verb(
    "apply what is pending, each file with its cleanup in one transaction",
    _run,
    _add_arguments,
    of_many=_of_many,
    of_databases=_of_databases,
    over=_over,
)
