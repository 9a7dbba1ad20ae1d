"""`sqlrail adopt`"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sqlrail.cli import flags
from sqlrail.cli.talk import Talk, width
from sqlrail.cli.verb import OK, Result, Verb, idle
from sqlrail.ground.settings import Settings

if TYPE_CHECKING:
    from sqlrail.results.adopt import AdoptedResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="DIR", nargs="?", help="the other tool's folder (else the usual one that is here)"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only show what each file becomes, what has run, and what is refused",
    )
    parser.add_argument(
        "--files-only",
        action="store_true",
        help="only write the new folder, for files that have to be mended first",
    )
    parser.add_argument(
        "--accept-differences", action="store_true",
        help="record them though the database differs from what they build, or cannot be compared",
    )  # fmt: skip
    flags.add(parser, "scratch")


def _refuse_idle(options: argparse.Namespace) -> None:
    if options.files_only:
        for flag, why in (
            ("dry_run", "it writes nothing"),
            ("accept_differences", "--files-only compares nothing"),
        ):
            idle(options, flag, why)


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[AdoptedResult]:
    from sqlrail.cli.render import adopt as render
    from sqlrail.verbs.adopt import adopt

    source = None if options.source is None else Path(options.source)
    result = adopt(
        settings, talk, source, dry_run=options.dry_run, files_only=options.files_only,
        accept_differences=options.accept_differences,
    )  # fmt: skip
    return OK, result.as_json(), render.text(result, width())


VERB = Verb(
    "take over from another tool: its files, and what its history says has run",
    _run,
    _add_arguments,
    _refuse_idle,
)
