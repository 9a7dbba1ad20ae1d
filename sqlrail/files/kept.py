"""What the database keeps of a rollback file when its migration is applied, for whoever has that file no more."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sqlrail.files.content import BOM
from sqlrail.files.file import ROLLBACK, File, read_text

#: bytes of a rollback file up to which it is kept: it goes in the message with the record
LIMIT = 1 << 18
#: what stands in the place of a folder where a text of the database is meant
PLACE = "sqlrail.rollback"


class Kept(NamedTuple):
    """A rollback, byte for byte, and what its migration's file says of it."""

    content: bytes
    transactional: bool
    depends: tuple[str, ...]

    @classmethod
    def of(cls, file: File) -> Kept | None:
        """What is to be kept for a migration; None where it has no rollback, or one that is larger than LIMIT."""
        # What is wrong with a rollback is said where it is run: the migration does without.
        with suppress(OSError), path_of(file).open("rb") as stream:
            content = stream.read(LIMIT + 1)
            if len(content) <= LIMIT:
                return cls(content, file.transactional, tuple(sorted(file.depends)))
        return None

    @property
    def digest(self) -> str:
        """Of all of it, for the log."""
        says = json.dumps([self.transactional, *self.depends]).encode()
        return f"kept:{hashlib.sha256(says + self.content).hexdigest()}"

    def as_file(self, id_: str) -> File:
        """The rollback of that migration."""
        file = read_text(f"{id_}.rollback", Path(PLACE, f"{id_}{ROLLBACK}"), self.content.removeprefix(BOM))
        file.transactional = self.transactional
        return file


def is_too_large(file: File) -> bool:
    """Whether a migration has a rollback that is larger than what is kept."""
    with suppress(OSError):
        return path_of(file).stat().st_size > LIMIT
    return False


def path_of(file: File) -> Path:
    """Where the rollback of a migration lies, if it has one."""
    return file.path.with_name(f"{file.id}{ROLLBACK}")
