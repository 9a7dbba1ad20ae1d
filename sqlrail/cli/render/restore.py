"""What a restore has put back, and why rows stay."""

from __future__ import annotations

from sqlrail.cli.render.words import shown
from sqlrail.ground.names import join
from sqlrail.ground.words import rows
from sqlrail.orphans.restoring.restored import Left, Restore
from sqlrail.orphans.restoring.shape import FOR_THEMSELVES

#: reasons that people read of one relation; the JSON has them all
REASONS = 10


def text(result: Restore) -> str:
    """A line for each relation, why rows stay, and the sum."""
    lines = []
    for one in result.relations:
        lines.append(f"{one.relation}: {rows(one.restored)} restored, {one.left:,} left")
        lines += [f"  {_left_line(left)}" for left in one.reasons[:REASONS]]
        if len(one.reasons) > REASONS:
            lines.append(f"  and {len(one.reasons) - REASONS:,} more reasons (--json has them)")
    lines += [f"note: {note}" for note in result.notes]
    if not result.relations:
        return "\n".join([*lines, "nothing to restore"])
    restored, left = (
        sum(counts) for counts in zip(*[(r.restored, r.left) for r in result.relations], strict=True)
    )
    if result.run is None:
        return "\n".join(
            [*lines, f"nothing was restored: {rows(left)} of run {result.of} left in the archive"]
        )
    end = f"done: {rows(restored)} of run {result.of} restored as run {result.run}, {left:,} left in the archive"
    return "\n".join([*lines, end])


def _left_line(left: Left) -> str:
    samples = "; ".join(
        ", ".join(f"{join(name)} {shown(value)}" for name, value in sample.items()) for sample in left.samples
    )
    words = {**dict.fromkeys(FOR_THEMSELVES, ""), "cascade": " (by a cascade)"}
    kind = words.get(left.action, f" ({left.action})")
    return f"{rows(left.rows)} of {left.source}{kind}: {left.reason}" + (f": {samples}" if samples else "")
