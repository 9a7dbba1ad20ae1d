"""What the command line has to know of a verb. Each verb says it in its module below commands/, which is loaded when
somebody calls it; that imports what does the work where it runs, so that a usage error or --help waits for nothing."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlrail.cli import commands
from sqlrail.cli.talk import Talk
from sqlrail.errors import Refused, UsageError
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import by_order

if TYPE_CHECKING:
    from sqlrail.verbs.many import Many

#: exit codes of a verb that raises nothing: REFUSED where a cleanup left orphans that no key decides about
OK, REFUSED, FOUND = 0, Refused.exit_code, 4
#: in which --help tells of the verbs; one that is not here comes last
ORDER = (
    "migrate", "backfill", "status", "plan", "cleanup", "restore", "archive", "reset", "rollback", "switch", "baseline",
    "adopt", "drift", "doctor", "schema", "stamp", "repair", "tenant", "init", "new", "renumber", "widen", "lint",
    "create", "drop", "stop", "completion",
)  # fmt: skip

#: what `--json` prints: one of sqlrail/results, of which docs/reference/json has the schemas
Document = TypeVar("Document", bound=Mapping[str, object])
#: the exit code, the JSON and the text
Result = tuple[int, Document, str]
#: what a verb does
Run = Callable[[argparse.Namespace, Settings, Talk], Result[Mapping[str, object]]]


@dataclass(frozen=True)
class Verb:
    """A verb's parts: what it does, its own flags, and what is to be known of them before the settings are read."""

    #: its line in --help
    help: str
    run: Run
    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda _: None
    #: raises UsageError where a flag would decide nothing
    refuse_idle: Callable[[argparse.Namespace], None] = lambda _: None
    needs_database: Callable[[argparse.Namespace], bool] = lambda _: True
    #: the way without a database, for whoever has none
    without_database: str = ""
    #: run over many schemas of one database that are looked at together
    of_many: Callable[[argparse.Namespace, Many], Run] | None = None
    #: run over many databases, for which the folder is read once
    of_databases: Callable[[], Run] | None = None
    #: run over many schemas: what one for which it has nothing to do, and asks nobody, has in common with others
    over: Callable[[argparse.Namespace, Many, str], object] = lambda *_: None


def names() -> list[str]:
    """All verbs, in the order of --help: each has a module of its name in commands/."""
    return by_order([path.stem for path in Path(commands.__path__[0]).glob("[!_]*.py")], ORDER)


def load(name: str) -> Verb:
    """The verb's parts, out of its module."""
    verb: Verb = import_module(f"sqlrail.cli.commands.{name}").VERB
    return verb


def idle(options: argparse.Namespace, flag: str, why: str) -> None:
    """UsageError if the flag was given though it has no effect: who gave it meant something by it."""
    if getattr(options, flag, None) not in (None, False, "", "text", "table", []):
        raise UsageError(f"--{flag.replace('_', '-')} has no effect here: {why}.")
