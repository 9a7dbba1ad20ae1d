"""The command line: its verbs, and how it is read."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from sqlrail import __version__
from sqlrail.cli import flags
from sqlrail.cli.verb import Verb, idle, load
from sqlrail.errors import UsageError
from sqlrail.ground.words import guess

#: the module of each, of its own name, is in commands/
VERBS = {
    "migrate": "apply what is pending, each file with its cleanup in one transaction",
    "status": "show the history; changes nothing",
    "plan": "rehearse what is pending on a scratch database: locks, scans, rewrites; changes nothing",
    "cleanup": "archive and delete the orphans of every declared relation, and of every key that is not validated",
    "restore": "put the archived rows of a run back, those whose parent is there again",
    "archive": "list what cleanups have archived, or purge what is old",
    "reset": "development only: empty the database and migrate from zero; --seed: with rows to work with",
    "rollback": "take back the newest migrations by their .rollback.sql files, each in one transaction",
    "baseline": "record files as applied without running them: for a database that has it all already",
    "drift": "hold the database against what the files build, or against another; changes nothing",
    "doctor": "find what is unhealthy in the database, with the SQL that mends it; changes nothing",
    "schema": "write the schema that the files build, or check that what was written is still true",
    "stamp": "say which environment's database this is, by name (a copy keeps the stamp it came with)",
    "repair": "accept files that were edited or renamed, into the log",
    "new": "make the next numbered file and its rollback",
    "lint": "find dangerous statements in the pending files, with the safer way; changes nothing",
    "stop": "stop the embedded server",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        choice = re.search(r"invalid choice: '([^']+)' \(choose from (.*)\)", message)
        end = guess(choice[1], re.findall(r"[\w-]+", choice[2])) if choice else "."
        raise UsageError(f"{message}{end} See `{self.prog} --help`.")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        # The help has been printed; nobody may be reading it.
        if sys.stdout:
            sys.stdout.flush()
        super().exit(status, message)


def parse(words: Sequence[str]) -> tuple[argparse.Namespace, Verb]:
    """What was asked for. UsageError if it cannot be understood, or something in it would decide nothing."""
    # Flags may stand before or after the verb: both parsers know them, and neither has defaults to overwrite with.
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    flags.add_common(common)
    parser = _Parser(prog="sqlrail", description="PostgreSQL migrations in plain SQL, on guard rails.",
                     parents=[common], allow_abbrev=False)  # fmt: skip
    parser.add_argument("--version", action="version", version=f"sqlrail {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    of_verbs = {
        name: verbs.add_parser(name, help=text, description=text, parents=[common], allow_abbrev=False)
        for name, text in VERBS.items()
    }
    loaded = {name: load(name) for name in VERBS.keys() & {*words}}
    for name, verb in loaded.items():
        verb.add_arguments(of_verbs[name])
    options, strays = parser.parse_known_args(words)
    if strays:
        raise UsageError(f"{_stray(strays[0], of_verbs[options.verb])} See `sqlrail --help`.")
    if getattr(options, "json", False):
        idle(options, "format", "--json is another form of the output, choose one")
    loaded[options.verb].refuse_idle(options)
    return options, loaded[options.verb]


def _stray(word: str, parser: argparse.ArgumentParser) -> str:
    # Without what follows: it may be a password, as in --passwrod=...
    word = word.partition("=")[0]
    if not word.startswith("-"):
        return f"'{word}' is one word too many."
    known = re.findall(r"--[a-z-]+", parser.format_help())
    return f"there is no flag {word}{guess(word, known)}"
