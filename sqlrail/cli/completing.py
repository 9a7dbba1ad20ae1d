"""Completion in a shell: argcomplete asks the parser, and this says which names there are."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import argcomplete
from argcomplete.shell_integration import shellcode

from sqlrail.cli import flags
from sqlrail.errors import SqlrailError
from sqlrail.files.file import ROLLBACK
from sqlrail.ground.reading import read

#: metavars of what may be a file's name, and of what is a migration's
OF_FILES, OF_IDS = ("DIR", "FILE"), ("ID",)


def complete(parser: argparse.ArgumentParser) -> None:
    """Answers the shell, and ends the process; returns where no shell asks."""
    for action in _actions(parser):
        metavar = str(action.metavar)
        if metavar in OF_IDS:
            action.completer = _ids  # type: ignore[attr-defined]
        elif not metavar.endswith(OF_FILES) and not action.choices:
            action.completer = _nothing  # type: ignore[attr-defined]
    argcomplete.autocomplete(parser, always_complete_options=False)


def script(shell: str) -> str:
    """What a shell reads to complete `sqlrail`: bash, zsh or fish."""
    return shellcode(["sqlrail"], shell=shell)


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for of_verb in action.choices.values():
                yield from _actions(of_verb)


def _nothing(**_: Any) -> list[str]:
    """What is neither a file nor a migration is for people to type."""
    return []


def _ids(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """The migrations of the folder, without a look into the files."""
    with suppress(SqlrailError, OSError):
        folder = read(flags.texts(parsed_args), need_database=False).migrations
        names = sorted(path.name for path in folder.iterdir() if path.suffix == ".sql")
        ids = [name.removesuffix(".sql") for name in names if not name.endswith(ROLLBACK)]
        return [id_ for id_ in ids if id_.isprintable()]
    return []
