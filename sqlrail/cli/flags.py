"""Flags that several verbs have, and what is read out of them."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from sqlrail.cli.verb import idle
from sqlrail.errors import UsageError
from sqlrail.ground.settings import SETTINGS
from sqlrail.ground.values import names

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlrail.ground.constraint import Constraint


class _AddUp(argparse.Action):
    """A list of names that may be said several times."""

    def __call__(
        self, parser: object, namespace: argparse.Namespace, values: object, option: object = None
    ) -> None:
        del parser, option
        before = getattr(namespace, self.dest, None)
        setattr(namespace, self.dest, f"{before},{values}" if before else values)


def add(parser: argparse._ActionsContainer, *settings: str, **options: Any) -> None:
    """The flags of settings, as the table in ground/settings.py has them. Without one, the environment decides."""
    for name in settings:
        row = SETTINGS[name]
        action = {"action": _AddUp} if row.reader is names else {}
        given = {"default": argparse.SUPPRESS, **action, **options}
        parser.add_argument(row.flag, metavar=row.metavar, help=row.help.replace("%", "%%"), **given)


def texts(options: argparse.Namespace) -> dict[str, str | None]:
    """What was given as text, by the names of the flags: among it what settings are read from."""
    return {name: value for name, value in vars(options).items() if isinstance(value, str)}


def add_common(parser: argparse._ActionsContainer) -> None:
    """What every verb has, in front of it or behind it; without a default, which would overwrite the other's."""
    without: dict[str, Any] = {"default": argparse.SUPPRESS}
    parser.add_argument(
        "--database-url",
        metavar="URL",
        help="postgresql://... (else DATABASE_URL, else PGHOST and so on)",
        **without,
    )
    add(parser, "migrations")
    parser.add_argument("--env-file", metavar="FILE", help="settings instead of .env", **without)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout", **without)
    parser.add_argument(
        "--verbose", action="store_true", help="show tracebacks, and the server's notices", **without
    )
    add(parser, "password_command", "wait", "lock_wait", "lock_timeout", "statement_timeout")
    add(parser, "retry_for", "idle_timeout")


#: settings of work in batches
BATCHES = ("batch_time", "pause", "pause_file", "max_lag")


def add_batches(parser: argparse._ActionsContainer) -> None:
    """How work in batches keeps out of the way."""
    add(parser, *BATCHES)


def add_guards(parser: argparse.ArgumentParser) -> None:
    """Which triggers may fire."""
    add(parser.add_argument_group("guards"), "allow_triggers")


def add_cleanup_guards(parser: argparse.ArgumentParser) -> None:
    """How much may be orphans."""
    add(parser.add_argument_group("guards of the cleanup"), "max_share", "max_rows")


def add_history(parser: argparse.ArgumentParser) -> None:
    """How far to go, and what to let pass."""
    add_to(parser)
    parser.add_argument(
        "--allow-late", action="store_true", help="run new files that come before applied ones"
    )
    add_missing(parser)


def add_phase(parser: argparse._ActionsContainer) -> None:
    """Of which phase of a deployment files are run, and where it is rehearsed whether they may overtake others."""
    add(parser, "phase", "scratch")


def add_to(parser: argparse.ArgumentParser) -> None:
    """How far to go."""
    parser.add_argument("--to", metavar="ID", help="go no further than this one (its number will do)")


def add_missing(parser: argparse.ArgumentParser) -> None:
    """Whether files that were applied may be gone."""
    parser.add_argument("--allow-missing", action="store_true", help="go on though applied files are gone")


def add_other_history(parser: argparse.ArgumentParser) -> None:
    """Whether another tool's history may be there."""
    parser.add_argument(
        "--allow-other-history", action="store_true",
        help="go on though another tool's history names files of this folder",
    )  # fmt: skip


#: flags that say how a round over many tenants goes
OF_A_ROUND = ("canary", "waves", "parallel", "max_failed")


def add_each(parser: argparse.ArgumentParser, *, schemas: bool = False, shared: bool = False) -> None:
    """For each of many tenants. schemas: also of one database; shared: and first for what they share."""
    group = parser.add_argument_group("for each of many tenants")
    which = group.add_mutually_exclusive_group()
    if schemas:
        which.add_argument(
            "--each", metavar="QUERY", help="the schemas that a query names, as SELECT schema FROM tenants"
        )
    which.add_argument(
        "--each-database",
        metavar="FILE",
        help="the databases whose URLs are in a file, one a line (-: stdin)",
    )
    if shared:
        group.add_argument(
            "--shared",
            metavar="DIR",
            help="with --each: first the files of this folder, in the database itself",
        )
    group.add_argument(
        "--canary",
        metavar="NAME",
        action="append",
        help="this tenant first, alone; may be given several times",
    )
    group.add_argument(
        "--waves", metavar="N,N", type=_waves,
        help="then so many, then so many; the rest if none of them failed",
    )  # fmt: skip
    group.add_argument("--parallel", metavar="N", type=_some, help="tenants at once (default: 4)")
    group.add_argument(
        "--max-failed", metavar="N", type=_some, help="begin no other tenant when so many have failed"
    )


def is_for_each(options: argparse.Namespace) -> bool:
    """Whether a verb is to run for each of many tenants. UsageError for what says how, if it is not."""
    if getattr(options, "each", None) is not None or names_databases(options):
        return True
    for flag in (*OF_A_ROUND, "shared"):
        idle(options, flag, "it is for --each and --each-database")
    return False


def names_databases(options: argparse.Namespace) -> bool:
    """Whether a file names the databases, and not the settings one."""
    return getattr(options, "each_database", None) is not None


def _some(text: str) -> int:
    if not re.fullmatch("0*[1-9][0-9]{0,5}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 on")
    return int(text)


def _waves(text: str) -> tuple[int, ...]:
    return tuple(_some(part.strip()) for part in text.split(","))


def allowed(options: argparse.Namespace) -> list[str]:
    """The kinds of problems that were let pass."""
    kinds = ("late", "missing", "other-history")
    return [kind for kind in kinds if getattr(options, f"allow_{kind.replace('-', '_')}")]


def constraints(texts: list[str], parse: Callable[[str], Constraint]) -> list[Constraint]:
    """The relations and other constraints that were named. UsageError if one cannot be read."""
    try:
        return [parse(text) for text in texts]
    except ValueError as exc:
        raise UsageError(f"--relation: {exc}.") from exc
