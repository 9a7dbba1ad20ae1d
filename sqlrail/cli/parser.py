"""The command line: its verbs, and how it is read."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from sqlrail import __version__
from sqlrail.cli import flags
from sqlrail.cli.verb import Verb, idle, load, names
from sqlrail.errors import UsageError
from sqlrail.ground.words import guess

#: what ends a verb's usage
OF_EVERY_VERB = "       [FLAGS OF EVERY VERB]"
#: what other tools call them
OF_OTHERS = {
    "up": "migrate", "upgrade": "migrate", "apply": "migrate", "deploy": "migrate", "run": "migrate",
    "down": "rollback", "downgrade": "rollback", "undo": "rollback", "revert": "rollback",
    "info": "status", "list": "status", "current": "status", "validate": "status", "verify": "status",
    "add": "new", "generate": "new", "revision": "new", "makemigrations": "new", "diff": "drift", "dump": "schema",
}  # fmt: skip


class _Parser(argparse.ArgumentParser):
    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.color = False  # which Python has from 3.14 on: what is made of the usage would have it, too

    def error(self, message: str) -> NoReturn:
        choice = re.search(r"invalid choice: '([^']+)' \(choose from (.*)\)", message)
        end = guess(choice[1], re.findall(r"[\w-]+", choice[2])) if choice else "."
        if choice and choice[1] in OF_OTHERS and message.startswith("argument VERB"):
            end = f"; did you mean {OF_OTHERS[choice[1]]}?"
        raise UsageError(f"{message}{end} See `{self.prog} --help`.")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        # The help has been printed; nobody may be reading it.
        if sys.stdout:
            sys.stdout.flush()
        super().exit(status, message)


def parse(words: Sequence[str]) -> tuple[argparse.Namespace, Verb]:
    """What was asked for. UsageError if it cannot be understood, or something in it would decide nothing."""
    parser, parsers, loaded = _made(words)
    options, strays = parser.parse_known_args(words)
    if strays:
        raise UsageError(f"{_stray(strays[0], parsers[options.verb])} See `sqlrail --help`.")
    if getattr(options, "json", False):
        idle(options, "format", "--json is another form of the output, choose one")
    asked = loaded[options.verb]
    assert asked, "its name is among the words"
    asked.refuse_idle(options)
    return options, asked


def parser_of(words: Sequence[str]) -> argparse.ArgumentParser:
    """What reads these words, for whoever asks what may come next."""
    parser, _, _ = _made(words)
    return parser


def _made(
    words: Sequence[str],
) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser], dict[str, Verb | None]]:
    """The parser, those of the verbs, and the verbs that may be meant."""
    # Flags may stand before or after the verb: both parsers know them, and neither has defaults to overwrite with.
    parser = _Parser(
        prog="sqlrail", description="PostgreSQL migrations in plain SQL, on guard rails.", allow_abbrev=False
    )
    flags.add_common(parser)
    parser.add_argument("--version", action="version", version=f"sqlrail {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    parsers, loaded = dict[str, argparse.ArgumentParser](), _loaded(words)
    for name, verb in loaded.items():
        told: dict[str, Any] = {"help": verb.help, "description": verb.help} if verb else {}
        parsers[name] = of_verb = verbs.add_parser(name, allow_abbrev=False, **told)
        if verb:
            verb.add_arguments(of_verb)
        of_verb.usage = of_verb.format_usage().removeprefix("usage: ").replace("%", "%%") + OF_EVERY_VERB
        flags.add_common(of_verb.add_argument_group("of every verb"))
    return parser, parsers, loaded


def _loaded(words: Sequence[str]) -> dict[str, Verb | None]:
    """The verbs that may be meant; None for those that need not be loaded for that."""
    there = names()
    if words and words[0] in there:  # making the parsers of the others takes longer than all else here
        return {words[0]: load(words[0])}
    is_about_all = {"-h", "--help"} & {*words} or not {*there} & {*words}
    return {name: load(name) if is_about_all or name in words else None for name in there}


def _stray(word: str, parser: argparse.ArgumentParser) -> str:
    # Without what follows: it may be a password, as in --passwrod=...
    word = word.partition("=")[0]
    if not word.startswith("-"):
        named = (
            f"; did you mean --to {word}?"
            if word[:1].isdigit() and "--to ID" in parser.format_help()
            else "."
        )
        return f"'{word}' is one word too many{named}"
    known = re.findall(r"--[a-z-]+", parser.format_help())
    return f"there is no flag {word}{guess(word, known)}"
