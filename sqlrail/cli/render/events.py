"""What the command line says of what happens: its sentence, and below an applied migration what its pre-steps did."""

from __future__ import annotations

from sqlrail.cli.render import cleanup
from sqlrail.engine.backend import Applied
from sqlrail.ground import sentences
from sqlrail.ground.events import Event


def text(event: Event) -> str:
    """A line, and one for each of its cleanups that found something."""
    cleaned = event.cleanup if isinstance(event, Applied) else ()
    return "\n".join([sentences.text(event), *(f"  {cleanup.line(one)}" for one in cleaned if one.orphans)])
