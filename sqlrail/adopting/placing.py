"""Where the converted files go: into a folder of their own, which takes its name at the end, or not at all."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlrail.adopting.converting import Converted, write
from sqlrail.errors import ConnectionLost, Interrupted, Refused, SqlrailError, UsageError

#: what files end in that somebody runs as migrations, or that they are run by
CODE = (".sql", ".py", ".go", ".js", ".ts", ".rb", ".java")


class Place:
    """A folder of files, and the name that it is to have; what has that name until then is put aside."""

    def __init__(self, folder: Path, target: Path) -> None:
        self.folder, self.target = folder, target
        self.is_new = folder != target
        self._made_at = folder
        self.aside = folder.with_name(f"{folder.name}.aside")

    def take(self) -> None:
        """Gives the folder its name, if it has not had it before."""
        if self.is_new:
            with _writing(self.target):
                if self.target.exists() and not self.target.is_symlink():  # which leads to somebody's folder
                    self.target.rename(self.aside)
                self.folder.rename(self.target)
            self.folder = self.target

    def _give_back(self) -> None:
        self.folder.rename(self._made_at)
        self.folder = self._made_at
        if self.aside.exists():
            self.aside.rename(self.target)

    @contextmanager
    def or_back(self) -> Iterator[None]:
        """What fails within takes the name away again, unless it may have been committed: then it has to stay."""
        try:
            yield
        except (ConnectionLost, Interrupted):
            raise
        except Exception:
            if self.folder != self._made_at:
                self._give_back()
            raise

    @contextmanager
    def named(self, source: Path) -> Iterator[None]:
        """Has messages name the files as they would be called, and say where to mend them; source: the old folder."""
        try:
            yield
        except SqlrailError as exc:
            if self.folder != self.target and str(self.folder) in str(exc):
                told = str(exc).replace(str(self.folder), str(self.target))
                way = (
                    f"This is of the files as they are converted. Mend them in {source}; or, where those have to stay "
                    f"as they ran, let `adopt {shlex.quote(str(source))} --files-only` write {self.target}, mend them "
                    "there, and run adopt again."
                )
                exc.args = (f"{told}\n{way}",)
                exc.details = _renamed(exc.details, str(self.folder), str(self.target))
            raise


def _renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, list):
        return [_renamed(one, old, new) for one in value]
    return {key: _renamed(one, old, new) for key, one in value.items()} if isinstance(value, dict) else value


@contextmanager
def placed(target: Path, converted: Sequence[Converted]) -> Iterator[Place]:
    """The files, beside the folder that they will be; or that folder, where it has each of them already.

    What lies there and is no migration, as the AGENTS.md of `init`, stays there. Refused where it has other migrations
    only; UsageError where nothing may be written there.
    """
    if _has_them(target, converted):
        yield Place(target, target)
        return
    with _writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    place = Place(made, target)
    try:
        with _writing(target):
            if target.exists():
                shutil.copytree(target, made, symlinks=True, dirs_exist_ok=True)
            made.chmod(0o777 & ~_umask())
            write(made, converted)
        yield place
    finally:
        shutil.rmtree(made, ignore_errors=True)
        shutil.rmtree(place.aside, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _has_them(target: Path, converted: Sequence[Converted]) -> bool:
    """Whether the folder has each file already: another database's adoption has written it, or --files-only.

    Refused where it has none of them, or some, and where it is the old tool's own.
    """
    if not target.exists() or (target.is_dir() and not any(it.suffix in CODE for it in target.rglob("*"))):
        return False
    lacking = next((one for one in converted if not (target / f"{one.id}.sql").is_file()), None)
    if lacking is None and not any(
        one.source.path.samefile(target / f"{one.id}.sql") for one in edited(target, converted)
    ):
        return True
    why = f"it has no {lacking.id}.sql" if lacking else "it is the folder that is to be converted"
    raise Refused(
        f"{target} has files already, and not those that would be converted: {why}. Name a new folder, as in "
        f"`--migrations {target}_new`. Nothing was changed."
    )


def edited(target: Path, converted: Sequence[Converted]) -> list[Converted]:
    """Those whose files in the folder are not what they would be converted to, any more."""
    return [one for one in converted if any(_differs(target / name, text) for name, text in one.texts())]


def _differs(path: Path, text: bytes) -> bool:
    return not path.is_file() or path.read_bytes() != text


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise UsageError(
            f"{target} cannot be written: {exc.strerror}; name another folder with --migrations. Nothing was changed."
        ) from exc
