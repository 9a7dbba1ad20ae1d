"""The verb new: the next numbered file and its rollback."""

from __future__ import annotations

import fcntl
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlrail.errors import FileFailed, UsageError
from sqlrail.files import keys_apart
from sqlrail.files.draft import Draft
from sqlrail.files.file import DRAFT, ROLLBACK
from sqlrail.files.folder import read_files
from sqlrail.files.numbering import NUMBER, date, number
from sqlrail.ground.relation import Relation

if TYPE_CHECKING:
    from sqlrail.results.new import FilesResult, NewResult
    from sqlrail.results.status import Phase

#: what the files of a new one say, with its `-- depends:`
Texts = Callable[["New", str], dict[Path, str]]
#: characters of a name: id and suffix stay below the 255 bytes of a file name, and are still read by people
LONGEST = 100


@dataclass(frozen=True)
class New:
    """What was made, whether its number has a digit more than those before, and whether the folder is new."""

    id: str
    path: Path
    rollback: Path
    wider_than: str | None = None
    is_first: bool = False
    texts: Mapping[Path, str] = field(default_factory=dict, repr=False)  # of the files

    def as_json(self) -> FilesResult:
        """The same for scripts."""
        return {"id": self.id, "path": str(self.path), "rollback": str(self.rollback)}


def new(
    folder: Path,
    name: str,
    *,
    key: Relation | None = None,
    timestamp: bool = False,
    template: Path | None = None,
    phase: Phase = "before",
) -> list[New]:
    """Makes the next file and its rollback, which nobody else on this machine can be given at the same time.

    It makes the folder too. key: the file adds this foreign key, and a second one validates it. timestamp: the number
    is the time in UTC; where the folder has dates it is one anyway. template: a file whose text an empty one
    begins with. phase: what that says of a deployment. UsageError if nothing of the name can stand in a file's name.
    """
    wanted: list[tuple[str, Texts]]
    if key is None:
        says = "" if phase == "before" else f"-- phase: {phase}\n"
        beginning = says + ("" if template is None else _read(template))
        wanted = [(slug(name), partial(_templates, beginning))]
    else:
        by = f"sqlrail new --key '{key}'"
        wanted = [(slug(draft.name), partial(_texts, draft, by)) for draft in keys_apart.drafts(key, name)]
    is_first = not folder.exists()
    if is_first:
        _make_folder(folder)
    first, *others = _make(folder, wanted, timestamp=timestamp, phase=phase)
    return [replace(first, is_first=is_first), *others]


def as_json(made: Sequence[New]) -> NewResult:
    """The first that was made, and those behind it, for scripts."""
    first, *others = [one.as_json() for one in made]
    return {**first, "then": others}


def write(folder: Path, drafts: Iterable[Draft], by: str, *, dry_run: bool = False) -> list[New]:
    """Makes the next files of these drafts, all of them or none, each depending on the one before; by: which verb.

    With dry_run it only says what they would be.
    """
    wanted = [(slug(draft.name), partial(_texts, draft, by)) for draft in drafts]
    return _make(folder, wanted, dry_run=dry_run)


def _texts(draft: Draft, by: str, made: New, depends: str) -> dict[Path, str]:
    found = {made.path: f"-- {_today()}: written by `{by}`.\n{depends}{draft.head}\n{draft.content}"}
    if draft.rollback is not None:
        found[made.rollback] = f"{_undoes(made)}{draft.rollback}"
    return found


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise FileFailed(f"the folder {folder} cannot be made: {exc.strerror}.") from exc


def _make(
    folder: Path,
    wanted: Sequence[tuple[str, Texts]],
    *,
    timestamp: bool = False,
    dry_run: bool = False,
    phase: Phase = "before",
) -> list[New]:
    """wanted: of each migration what stands behind the number of its name, and what its files say."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}; name the migrations' folder with --migrations DIR.")
    with alone(folder):
        names = [path.name for path in folder.iterdir() if path.name.lower().endswith(".sql")]
        ids = [re.sub(r"(?i)(?:\.rollback)?\.sql\Z", "", name) for name in names if number(name)]
        last, depends = max(ids, key=number, default=None), _last(folder, phase) if wanted else None
        now, found = datetime.now(timezone.utc), list[New]()
        for plain, texts in wanted:
            id_ = f"{next_number(last, now, timestamp=timestamp)}_{plain}"
            wider_than = last if last and id_ < last else None
            made = New(id_, folder / f"{id_}.sql", folder / f"{id_}{ROLLBACK}", wider_than)
            found.append(replace(made, texts=texts(made, _depends(depends))))
            last = depends = id_
        if not dry_run:
            create({path: text for made in found for path, text in made.texts.items()})
        return found


def slug(name: str) -> str:
    """A name as it stands in a file's; UsageError if nothing of it can."""
    plain = unicodedata.normalize("NFKD", name.removesuffix(".sql").casefold()).encode("ascii", "ignore")
    if found := re.sub("[^a-z0-9]+", "_", plain.decode())[:LONGEST].strip("_"):
        return found
    raise UsageError(f"new is given {name!r}: name it with letters a to z or digits, as in 'add users'.")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds the folder's own lock: it ends with the process, and leaves no file."""
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as exc:
        raise FileFailed(f"{folder} cannot be read: {exc.strerror}.") from exc
    try:
        # A network's file system may have none: two who then get one number are told by `migrate`.
        with suppress(OSError):
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def next_number(last: str | None, now: datetime, *, timestamp: bool = False) -> str:
    """The number after the last one, as wide; where numbers are dates, or are to be, today's if that is later."""
    match = NUMBER.match(last or "000")
    assert match
    head, before = match[0], date(last or "")
    if timestamp and not before:
        return f"{now:%Y%m%d%H%M%S}"
    today = _as(before, now)
    if before and today > before:
        return today + re.sub("[0-9]+", lambda part: "1".zfill(len(part[0])), head[len(before) :])
    *front, tail = re.split("([0-9]+)", head)[:-1]
    return "".join(front) + str(int(tail) + 1).zfill(len(tail))


def _as(written: str, now: datetime) -> str:
    """A time in the form of a date, with or without a time of day, that is written so."""
    digits = iter(f"{now:%Y%m%d%H%M%S}")
    return re.sub("[0-9]", lambda _: next(digits), written)


def _last(folder: Path, phase: Phase) -> str | None:
    """The last migration, in yoyo's order, that one of that phase may depend on; None where there is none."""
    with suppress(UsageError):
        migrations, files = read_files(folder)
        ids = [migration.id for migration in migrations if phase in ("after", files[migration.id].phase)]
        return ids[-1] if ids else None
    return None


def _depends(last: str | None) -> str:
    # Of one with a blank yoyo would read two names.
    return f"-- depends: {last}\n" if last and not re.search(r"\s", last) else ""


def _today() -> str:
    return f"{datetime.now(timezone.utc):%Y-%m-%d}"


def _read(template: Path) -> str:
    try:
        return f"{template.read_text(encoding='utf-8-sig').strip()}\n"
    except OSError as exc:
        raise FileFailed(f"the template {template} cannot be read: {exc.strerror}.") from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"the template {template} is not in UTF-8.") from exc


def _templates(beginning: str, made: New, depends: str) -> dict[Path, str]:
    return {
        made.path: f"-- {_today()}: say here why.\n{depends}{beginning}{DRAFT}\n\n",
        made.rollback: f"{_undoes(made)}{DRAFT}\n\n",
    }


def _undoes(made: New) -> str:
    return f"-- {_today()}: undoes {made.id}.\n"


def create(texts: dict[Path, str]) -> None:
    """Makes files, and the folders that they lie in: all of them or, with a SqlrailError, none."""
    done: list[Path] = []
    try:
        for path, text in texts.items():
            for folder in [each for each in (*reversed(path.parents),) if not each.exists()]:
                folder.mkdir()
                done.append(folder)
            with path.open("x", encoding="utf-8") as stream:
                done.append(path)
                stream.write(text)
    except BaseException as exc:
        for each in reversed(done):
            each.rmdir() if each.is_dir() else each.unlink()
        if isinstance(exc, OSError):
            raise FileFailed(f"{path} cannot be made: {exc.strerror}.") from exc
        raise
