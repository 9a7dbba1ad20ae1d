"""Flags that several verbs have, and what is read out of them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sqlrail.errors import UsageError

if TYPE_CHECKING:
    from sqlrail.orphans.clean import Relation


class _AddUp(argparse.Action):
    """A list of names that may be said several times."""

    def __call__(
        self, parser: object, namespace: argparse.Namespace, values: object, option: object = None
    ) -> None:
        del parser, option
        before = getattr(namespace, self.dest, None)
        setattr(namespace, self.dest, f"{before},{values}" if before else values)


def add_common(parser: argparse.ArgumentParser) -> None:
    """What every verb has."""
    parser.add_argument(
        "--database-url", metavar="URL", help="postgresql://... (else DATABASE_URL, else PGHOST and so on)"
    )
    parser.add_argument("--migrations", metavar="DIR", help="the folder of the files (default: migrations)")
    parser.add_argument("--env-file", metavar="FILE", help="settings instead of .env")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--verbose", action="store_true", help="show tracebacks, and the server's notices")
    parser.add_argument(
        "--wait", metavar="TIME", help="how long to wait until the database answers (default: 0)"
    )
    parser.add_argument(
        "--lock-wait", metavar="TIME", help="how long to wait for another runner (default: 60s)"
    )
    parser.add_argument("--lock-timeout", metavar="TIME", help="longest wait for one lock (default: 2s)")
    parser.add_argument(
        "--statement-timeout", metavar="TIME", help="longest time for one statement (default: 0, none)"
    )
    parser.add_argument(
        "--retry-for", metavar="TIME", help="how long a file that gave way is tried (default: 10min)"
    )
    parser.add_argument(
        "--idle-timeout",
        metavar="TIME",
        help="how long a runner that was stopped keeps its locks (default: 10min)",
    )


def add_guards(parser: argparse.ArgumentParser) -> None:
    """Which triggers may fire."""
    guards = parser.add_argument_group("guards", argument_default=argparse.SUPPRESS)
    guards.add_argument(
        "--allow-triggers", metavar="NAMES", action=_AddUp,
        help="triggers that may fire, parted by commas; said twice, it adds up",
    )  # fmt: skip


def add_cleanup_guards(parser: argparse.ArgumentParser) -> None:
    """How much may be orphans."""
    guards = parser.add_argument_group("guards of the cleanup", argument_default=argparse.SUPPRESS)
    guards.add_argument(
        "--max-share", metavar="F", help="share of a table that may be orphans (default: 10%%)"
    )
    guards.add_argument(
        "--max-rows", metavar="N", help="orphans that are few whatever their share (default: 1000)"
    )


def add_interrupted(parser: argparse.ArgumentParser) -> None:
    """What becomes of a statement that was cut off."""
    parser.add_argument(
        "--interrupted", metavar="again|done", default=argparse.SUPPRESS,
        help="what to do with a statement outside a transaction that was cut off, and may have taken effect",
    )  # fmt: skip


def add_history(parser: argparse.ArgumentParser) -> None:
    """How far to go, and what to let pass."""
    parser.add_argument("--to", metavar="ID", help="go no further than this one (its number will do)")
    parser.add_argument(
        "--allow-late", action="store_true", help="run new files that come before applied ones"
    )
    parser.add_argument("--allow-missing", action="store_true", help="go on though applied files are gone")


def add_other_history(parser: argparse.ArgumentParser) -> None:
    """Whether another tool's history may be there."""
    parser.add_argument(
        "--allow-other-history", action="store_true",
        help="go on though another tool's history names files of this folder",
    )  # fmt: skip


def add_schema_file(parser: argparse.ArgumentParser) -> None:
    """Where the schema is kept."""
    parser.add_argument(
        "--schema-file", metavar="FILE", default=argparse.SUPPRESS,
        help="where the schema that the files build is kept (or SQLRAIL_SCHEMA_FILE)",
    )  # fmt: skip


def add_scratch(parser: argparse.ArgumentParser) -> None:
    """Where the scratch database is made."""
    parser.add_argument(
        "--scratch", metavar="embedded|URL", default=argparse.SUPPRESS,
        help="the server on which the scratch database is made (or SQLRAIL_SCRATCH; default: the database's own)",
    )  # fmt: skip


def allowed(options: argparse.Namespace) -> list[str]:
    """The kinds of problems that were let pass."""
    kinds = ("late", "missing", "other-history")
    return [kind for kind in kinds if getattr(options, f"allow_{kind.replace('-', '_')}")]


def relations(texts: list[str]) -> list[Relation]:
    """The relations that were named. UsageError if one cannot be read."""
    from sqlrail.orphans.clean import Relation

    try:
        return [Relation.parse(text) for text in texts]
    except ValueError as exc:
        raise UsageError(f"--relation: {exc}.") from exc
