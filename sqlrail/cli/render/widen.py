"""What was written to widen a column, or would be."""

from __future__ import annotations

from collections.abc import Iterator

from sqlrail.ground.words import printable, visible
from sqlrail.verbs.new import New
from sqlrail.verbs.widen import Widened


def text(result: Widened) -> str:
    """The columns, what goes with them, what to know, and the files; with a dry run what those say."""
    return "\n".join(_lines(result))


def _lines(result: Widened) -> Iterator[str]:
    yield from (f"{printable(column)} becomes {result.becomes}" for column in result.columns)
    yield from (f"  carried over: {printable(name)}" for name in result.carried)
    yield from (f"  note: {printable(note)}" for note in result.notes)
    for file in result.files:
        yield from _shown(file) if result.dry_run else (f"made {path}" for path in file.texts)
    if result.is_swapped and not result.dry_run:
        *_, swap, last, drop = result.files
        way_back = f", and so the way back from {swap.id}" if swap.rollback in swap.texts else ""
        yield (
            f"read them, and let `plan` try them. `migrate --to {last.id}` keeps the old columns{way_back}; {drop.id} "
            "drops them"
        )


def _shown(file: New) -> Iterator[str]:
    for path, content in file.texts.items():
        yield f"-- {path}"
        yield visible(content)
