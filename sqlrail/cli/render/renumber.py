"""What a renumber has done, for people."""

from __future__ import annotations

from collections.abc import Iterator

from sqlrail.ground.words import counted, printable
from sqlrail.verbs.renumber import Renumbered


def text(result: Renumbered) -> str:
    """Each file with its new name, those that name it, and the sum."""
    return "\n".join(_lines(result))


def _lines(result: Renumbered) -> Iterator[str]:
    for old in result.renaming.ids:
        for was, path in result.files(old):
            yield printable(f"{was} -> {path}")
    for name in result.renaming.depending:
        yield printable(f"{result.folder / name}: its `-- depends:` names the new ones")
    number = counted(len(result.renaming.ids), "migration")
    if not result.renaming.ids:
        yield "nothing to renumber"
    elif result.is_dry:
        yield f"{number} would be renumbered; nothing was changed"
    else:
        yield f"{number} renumbered{', as an interrupted run had begun to' if result.is_finished else ''}"
