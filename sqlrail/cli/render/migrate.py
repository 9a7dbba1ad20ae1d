"""What a migrate has done, migration by migration."""

from __future__ import annotations

from sqlrail.cli.render import cleanup
from sqlrail.engine.backend import Applied
from sqlrail.verbs.apply import Migrated


def applied(done: Applied) -> str:
    """One line for a migration, and one for each of its cleanups that found something."""
    lines = [f"applied {done.id} ({done.seconds:.2f} s)"]
    lines += [f"  {cleanup.line(one)}" for one in done.cleanup if one.orphans]
    return "\n".join(lines)


def text(result: Migrated) -> str:
    """The last line of a migrate."""
    if not result.applied:
        return f"nothing to do: {result.already_applied} applied, {result.pending} pending"
    left = f", {result.pending} still pending" if result.pending else ""
    return f"done: {len(result.applied)} applied now, {result.already_applied} before{left}"
