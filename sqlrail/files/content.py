"""A file's bytes: behind its BOM, the same from the first look to the run, and their checksum."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from sqlrail.errors import BadFile

BOM = b"\xef\xbb\xbf"
#: bytes that are read at a time for a checksum
BLOCK = 1 << 20


class Blanked:
    """A stream to read from, with blanks in some places, counted in bytes from where it stands."""

    def __init__(self, stream: BinaryIO, blanks: Collection[tuple[int, int]]) -> None:
        self._stream, self._blanks, self._at = stream, blanks, 0

    def read(self, size: int = -1) -> bytes:
        """So many bytes at the most; all where it is -1."""
        block = bytearray(self._stream.read(size))
        for start, end in self._blanks:
            first, last = max(start - self._at, 0), min(end - self._at, len(block))
            if first < last:
                block[first:last] = re.sub(rb"[^\n\r]", b" ", block[first:last])
        self._at += len(block)
        return bytes(block)


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """The file, open behind its BOM; BadFile if it cannot be read."""
    try:
        with path.open("rb") as stream:
            if stream.read(len(BOM)) != BOM:
                stream.seek(0)
            yield stream
    except OSError as exc:
        raise _unreadable(path, exc) from exc


def read_small(path: Path, most: int) -> tuple[bytes | None, tuple[int, ...]]:
    """The file's content behind its BOM, None where it is more than so many bytes; and its state.

    It asks for all at once, as reading() does not: a run with nothing to do comes here for each file. BadFile if it
    cannot be read.
    """
    try:
        with path.open("rb", buffering=0) as stream:
            state = state_of(stream)
            return stream.read().removeprefix(BOM) if state[1] <= most else None, state
    except OSError as exc:
        raise _unreadable(path, exc) from exc


def _unreadable(path: Path, exc: OSError) -> BadFile:
    return BadFile(f"{path} cannot be read: {exc.strerror}.")


def state_of(stream: IO[bytes]) -> tuple[int, ...]:
    """What changes when the file does: a second checksum would take longer than the reading."""
    status = os.fstat(stream.fileno())
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def checksum(stream: BinaryIO) -> str:
    """sha256 over the content as an editor on any system would leave it, from where the stream stands.

    Line ends, trailing blanks and missing last newlines do not count: git and editors change them unasked.
    """
    digest, blanks = hashlib.sha256(), b""
    # Block by block: a large file is never whole in memory.
    while block := stream.read(BLOCK):
        block = blanks + block
        text = block.rstrip(b" \t\r\n")
        blanks = block[len(text) :]
        if b" \n" in text or b"\t\n" in text or b"\r\n" in text:
            text = re.sub(rb"[ \t\r]+(?=\n)", b"", text)
        digest.update(text)
    return "sha256:" + digest.hexdigest()
