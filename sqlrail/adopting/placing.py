"""Where the converted files go: into a folder of their own, which takes its name at the end, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlrail.adopting.converting import Converted, write
from sqlrail.errors import ConnectionLost, Interrupted, Refused, SqlrailError, UsageError


class Place:
    """A folder of files, and the name that it is to have."""

    def __init__(self, folder: Path, target: Path) -> None:
        self.folder, self.target = folder, target
        self.is_new = folder != target
        self._made_at = folder

    def take(self) -> None:
        """Gives the folder its name, if it has not had it before."""
        if self.is_new:
            with _writing(self.target):
                self.folder.rename(self.target)
            self.folder = self.target

    @contextmanager
    def or_back(self) -> Iterator[None]:
        """What fails within takes the name away again, unless it may have been committed: then it has to stay."""
        try:
            yield
        except (ConnectionLost, Interrupted):
            raise
        except Exception:
            if self.folder != self._made_at:
                self.folder.rename(self._made_at)
                self.folder = self._made_at
            raise

    @contextmanager
    def named(self, source: Path) -> Iterator[None]:
        """Has messages name the files as they would be called; source: the folder in which they are mended."""
        try:
            yield
        except SqlrailError as exc:
            if self.folder != self.target and str(self.folder) in str(exc):
                told = str(exc).replace(str(self.folder), str(self.target))
                exc.args = (
                    f"{told}\nThis is of the files as they are converted: mend them in {source}. Nothing was changed.",
                )
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

    Refused where other files lie in it; UsageError where nothing may be written there.
    """
    if check_target(target, converted):
        yield Place(target, target)
        return
    with _writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        with _writing(target):
            made.chmod(0o777 & ~_umask())
            write(made, converted)
        yield Place(made, target)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def check_target(target: Path, converted: Sequence[Converted]) -> bool:
    """Whether the folder has the files already, as after another database's adoption. Refused where it has others."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return False
    for one in converted:
        for name, text in one.texts():
            path = target / name
            if path.is_file() and path.read_bytes() == text:
                continue
            why = (
                f"{path} differs from what {one.source.path} becomes"
                if path.exists()
                else f"it has no {name}"
            )
            raise Refused(
                f"{target} has files already, and not those that would be converted: {why}. Name a new folder, as in "
                f"`--migrations {target}_new`; where converted files were edited since, `baseline --to ID "
                "--allow-other-history` records them. Nothing was changed."
            )
    return True


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise UsageError(
            f"{target} cannot be written: {exc.strerror}; name another folder with --migrations. Nothing was changed."
        ) from exc
