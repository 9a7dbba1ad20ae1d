"""`sqlrail tenant`"""

from __future__ import annotations

import argparse
from contextlib import closing
from typing import TYPE_CHECKING

from sqlrail.cli import flags
from sqlrail.cli.progress import Bar
from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import OK, Result, Verb
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import printable

if TYPE_CHECKING:
    from sqlrail.results.tenant import TenantAddedResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("add",))
    parser.add_argument("name", metavar="NAME", help="of its schema, as a query of --each names it")
    parser.add_argument("--to", metavar="ID", help="go no further than this one (its number will do)")
    flags.add_phase(parser)
    flags.add_guards(parser)
    flags.add_cleanup_guards(parser)


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[TenantAddedResult]:
    from sqlrail.verbs.tenant import add

    with closing(Bar(talk, names_files=True)) as bar:
        added = add(settings, bar, options.name, options.to)
    number = len(added.migrated.applied)
    return OK, added.as_json(), f"done: {printable(added.name)} is made, {number} applied there"


VERB = Verb("make the schema of a new tenant, and apply the files there", _run, _add_arguments)
