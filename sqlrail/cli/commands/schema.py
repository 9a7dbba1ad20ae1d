"""`sqlrail schema`, and what keeps its file true after a migrate or a reset."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sqlrail.cli import flags
from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import FOUND, OK, Result, Verb
from sqlrail.errors import Interrupted, UsageError
from sqlrail.ground.events import Warned
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import Script

if TYPE_CHECKING:
    from sqlrail.results.schema import CheckedResult, SchemaResult, WrittenResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    flags.add(parser, "schema_file")
    flags.add(parser, "scratch")
    parser.add_argument("--check", action="store_true", help="exit 4 if the file is not up to date")


def _run(
    options: argparse.Namespace, settings: Settings, talk: Talk
) -> Result[SchemaResult | WrittenResult | CheckedResult]:
    from sqlrail.verbs.drift import check_schema, schema, write_schema

    path = settings.schema_file
    if path is None:
        if options.check:
            raise UsageError("schema --check needs the file: --schema-file FILE, or SQLRAIL_SCHEMA_FILE.")
        built = schema(settings, talk)
        return OK, built.as_json(), Script(built.sql.rstrip("\n"))
    if options.check:
        checked = check_schema(settings, talk, path)
        text = checked.difference or f"{path} is what the files build"
        return FOUND if checked.difference else OK, checked.as_json(), text
    return OK, write_schema(settings, talk, path).as_json(), f"wrote {path}"


def keep(settings: Settings, talk: Talk, path: Path) -> None:
    """Writes the file anew after a migrate."""
    from sqlrail.verbs.drift import write_schema

    try:
        write_schema(settings, talk, path)
    except Interrupted:
        raise
    except Exception as exc:  # the migration stands, whatever becomes of a file for people
        talk(Warned(f"{path} was not written: {exc}"))


VERB = Verb(
    "write the schema that the files build, or check that what was written is still true",
    _run,
    _add_arguments,
)
