"""What a rollback has taken back, or would."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlrail.ground.words import printable, rows
from sqlrail.verbs.rollback import Rollback

if TYPE_CHECKING:
    from sqlrail.foresight.judged import Loss
    from sqlrail.verbs.rollback_losses import Foreseen


def text(result: Rollback) -> str:
    """The last line of a rollback; of a dry run all that would go."""
    if result.would is not None:
        would = [line for id_, foreseen in result.would for line in would_go(id_, foreseen)]
        stay = result.still_applied - len(result.would)
        last = f"dry run: {len(result.would)} would be rolled back, {stay} would stay applied"
        return "\n".join([*would, last])
    if not result.rolled_back:
        return f"nothing rolled back: {result.still_applied} applied"
    return f"done: {len(result.rolled_back)} rolled back, {result.still_applied} still applied"


def would_go(id_: str, foreseen: Foreseen) -> Iterator[str]:
    """What would be taken back, and what that loses."""
    is_harmless = not foreseen.losses and foreseen.unknown is None
    yield f"would roll back {id_}{', which loses no rows' if is_harmless else ''}"
    yield from (f"  loses {_lost(loss)}" for loss in foreseen.losses)
    if foreseen.unknown is not None:
        yield f"  what it loses is not known for sure: {printable(foreseen.unknown)}"


def _lost(loss: Loss) -> str:
    number = "rows not counted" if loss.rows is None else rows(loss.rows)
    return f"{loss.what}: {number} ({loss.kind})" + (f", because {loss.because}" if loss.because else "")
