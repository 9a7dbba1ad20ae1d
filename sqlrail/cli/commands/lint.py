"""`sqlrail lint`"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import FOUND, OK, Result, Verb
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import Script

if TYPE_CHECKING:
    from sqlrail.results.lint import LintedResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE", help="these files, whatever is pending")
    parser.add_argument("--all", action="store_true", help="every file; needs no database")
    parser.add_argument(
        "--against",
        dest="ref",
        metavar="REF",
        help="what is new against this git ref, and what of its files was edited, renamed, removed or overtaken; needs "
        "no database",
    )
    parser.add_argument("--check", action="store_true", help="exit 4 if anything is found")
    parser.add_argument(
        "--format", choices=("text", "github"), default="text", help="github: annotations of a workflow's run"
    )


def _needs_database(options: argparse.Namespace) -> bool:
    # What is pending, a database knows; what there is, the folder; what is new, git.
    return not (options.all or options.files or options.ref is not None)


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[LintedResult]:
    from sqlrail.cli.render import lint as render
    from sqlrail.verbs.lint import lint

    paths = [Path(name) for name in options.files]
    result = lint(settings, talk, paths, every=options.all, ref=options.ref)
    text = Script(render.github(result)) if options.format == "github" else render.text(result)
    return FOUND if options.check and not result.is_clean else OK, result.as_json(), text


VERB = Verb(
    "find dangerous statements in the pending files, with the safer way; changes nothing",
    _run,
    _add_arguments,
    needs_database=_needs_database,
    without_database="`lint --all` and `lint --against REF` need none.",
)
