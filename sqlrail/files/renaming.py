"""Files of the folder that get other names, all of them or none: what is under way is written down in the folder."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlrail.errors import BadFile, FileFailed, Refused
from sqlrail.files.file import read_file
from sqlrail.files.folder import RENAMING

#: what a file's name ends with while it is written
_UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class Renaming:
    """Migrations with the ids that they are to have, and the names of the files that change.

    ids: none of the new ones is one of the old ones. names: of files, as they are and as they will be, which may be the
    same. depending: those, as they will be, whose `-- depends:` name a new id.
    """

    ids: dict[str, str]
    names: dict[str, str]
    depending: list[str]

    def reversed(self) -> Renaming:
        """What takes it back."""
        ids, names = ({new: old for old, new in each.items()} for each in (self.ids, self.names))
        return Renaming(ids, names, [names[name] for name in self.depending])

    def as_text(self) -> str:
        """What is written down of it."""
        return json.dumps(asdict(self), indent=1) + "\n"


def files_of(folder: Path, id_: str, ids: Collection[str]) -> Iterator[str]:
    """The names of a migration's files: its own, its rollback's, and what else has its name, as a README does.

    ids: of all migrations of the folder; what has the longer name of another one is that one's.
    """
    longer = tuple(f"{other}." for other in ids if other.startswith(f"{id_}."))
    for path in sorted(folder.iterdir()):
        if path.name.startswith(f"{id_}.") and not path.name.startswith(longer) and not path.is_dir():
            yield path.name


def carry_out(folder: Path, renaming: Renaming) -> None:
    """Renames the files, and has what depends on them name them anew.

    Refused where a new name is taken. FileFailed where a file cannot be written: then all is as it was. Whatever kills
    the process, or keeps that from being so, `finish` goes on.
    """
    for old, new in renaming.names.items():
        if old != new and os.path.lexists(folder / new):
            raise Refused(
                f"{folder / new} is there already, and {old} was to get its name. Nothing was changed."
            )
    try:
        _write(folder / RENAMING, renaming.as_text().encode())
        try:
            _rename(folder, renaming)
        except (OSError, BadFile):
            _rename(folder, renaming.reversed())
            (folder / RENAMING).unlink()
            raise
        (folder / RENAMING).unlink()
    except OSError as exc:
        is_over = not (folder / RENAMING).exists()
        end = "Nothing was changed." if is_over else "Some files are renamed; `renumber` renames the others."
        raise FileFailed(f"{_failed(exc, folder)}. {end}") from exc


def finish(folder: Path) -> Renaming | None:
    """Goes on with what was interrupted, and says what that was; None where nothing was.

    FileFailed where a file cannot be written; BadFile where nobody can know what is to be done.
    """
    written = folder / RENAMING
    if not written.exists():
        return None
    try:
        renaming = _parse(written.read_text())
    except (ValueError, TypeError, LookupError) as exc:
        raise BadFile(
            f"{written}: no renumber has written this; remove it, and look at the files' names."
        ) from exc
    try:
        _rename(folder, renaming)
        written.unlink()
    except OSError as exc:
        raise FileFailed(f"{_failed(exc, folder)}; `renumber` renames the others when it can be.") from exc
    return renaming


def _failed(exc: OSError, folder: Path) -> str:
    return f"{exc.filename or folder} cannot be written: {exc.strerror}"


def _parse(text: str) -> Renaming:
    said = json.loads(text)
    renaming = Renaming({**said["ids"]}, {**said["names"]}, [*said["depending"]])
    if any(Path(name).name != name for pair in renaming.names.items() for name in pair):
        raise ValueError("it leads out of the folder")
    return renaming


def _rename(folder: Path, renaming: Renaming) -> None:
    """Each step can be done once more, and leaves what was done before."""
    for old, new in renaming.names.items():
        path, content = folder / old, None
        if not os.path.lexists(path):  # done before
            continue
        if new.endswith(".sql"):
            content = _depending(path, renaming.ids)
        if content is None:
            path.rename(folder / new)
            continue
        _write(folder / new, content, like=path)
        if old != new:
            path.unlink()


def _depending(path: Path, ids: Mapping[str, str]) -> bytes | None:
    """What a file says when its `-- depends:` name the new ids; None where they name none of them."""
    file = read_file(path)
    if ids.keys().isdisjoint(file.depends):
        return None
    lines = path.read_bytes().split(b"\n")
    for number in file.lines["depends"]:
        directive, colon, names = lines[number - 1].partition(b":")
        renamed = re.sub(rb"\S+", lambda name: ids.get(name[0].decode(), name[0].decode()).encode(), names)
        lines[number - 1] = directive + colon + renamed
    return b"\n".join(lines)


def _write(path: Path, content: bytes, *, like: Path | None = None) -> None:
    """Writes a file whole or not at all, whatever is killed meanwhile; with another one's rights."""
    unfinished = path.with_name(f".{path.name}{_UNFINISHED}")
    try:
        with unfinished.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if like is not None:
            shutil.copymode(like, unfinished)
        unfinished.replace(path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink()
        raise
