"""What a baseline has recorded, and what differs."""

from __future__ import annotations

from sqlrail.ground.words import counted
from sqlrail.verbs.baseline import Baselined


def text(result: Baselined) -> str:
    """A line for each migration that was recorded, what differs and harms nothing, and the sum."""
    lines = [f"recorded {id_}" for id_ in result.ids]
    found = result.comparison
    lines += [f"note: {line}" for line in found.noted]
    if any(found.more):
        tables, columns, others = (
            counted(number, kind)
            for number, kind in zip(found.more, ("table", "column", "other object"), strict=True)
        )
        lines.append(f"the database has {tables}, {columns} and {others} that these files do not build")
    return "\n".join([*lines, f"done: {len(result.ids)} recorded as applied, none run"])
