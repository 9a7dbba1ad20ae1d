"""A proxy between a runner and its server that forwards so many protocol messages and then cuts the connection."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote

#: who sends the messages that are counted
Sender = Literal["client", "server"]

#: the server's answer to a COMMIT: the message CommandComplete
COMMITTED = b"C\0\0\0\x0bCOMMIT\0"


class Proxy:
    """Listens beside the server; `url` leads through it to the database of the URL that it was given.

    After `cut_after` messages of `sender` the connection is cut, once, and `was_cut` is set. Where `again` is
    false nobody gets through any more. With `database`, every connection leads to that one. `counts` says how many
    messages went by, and `commits` how many of the server's went before each answer to a COMMIT, the first connection's
    only.
    """

    def __init__(
        self,
        folder: Path,
        url: str,
        *,
        sender: Sender = "client",
        cut_after: int | None = None,
        again: bool = True,
        database: str | None = None,
    ) -> None:
        host, _, rest = url.partition("?host=")[2].partition("&")
        self.url = url.replace(f"host={host}&{rest}", f"host={quote(str(folder), safe='')}&port=5432")
        self.sender, self.cut_after, self.again, self.database = sender, cut_after, again, database
        self.counts: Counter[Sender] = Counter()
        self.commits: list[int] = []
        self.was_cut = threading.Event()
        self._target = f"{unquote(host)}/.s.PGSQL.5432"
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self.folder, self._path = folder, folder / ".s.PGSQL.5432"
        self._listener.bind(str(self._path))
        self._listener.listen()

        self._start(self._accept)

    def close(self) -> None:
        """Cuts what is left, and waits until every thread has ended."""
        # shutdown() wakes a thread up that waits in accept() or recv(); close() alone would not.
        self._hang_up(self._listener)
        for each in self._sockets:
            self._hang_up(each)
        for thread in self._threads:
            thread.join()
        for each in (self._listener, *self._sockets):
            each.close()
        self._path.unlink()

    def cut(self) -> None:
        """Cuts every connection now."""
        self.was_cut.set()
        if not self.again:
            self._hang_up(self._listener)
        for each in list(self._sockets):
            self._hang_up(each)

    def _start(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            self._sockets += client, server
            try:
                server.connect(self._target)
            except OSError:  # nobody listens there any more, and so the client hears it
                self._hang_up(client)
                continue
            counted = len(self._sockets) == 2
            self._start(self._forward, "client", client, server, counted)
            self._start(self._forward, "server", server, client, counted)

    def _forward(self, sender: Sender, source: socket.socket, target: socket.socket, counted: bool) -> None:
        # Only a client's first message has no letter in front of its length.
        letter = 0 if sender == "client" else 1
        rest = b""
        try:
            while piece := source.recv(1 << 16):
                rest += piece
                while len(rest) >= letter + 4:
                    size = letter + int.from_bytes(rest[letter : letter + 4], "big")
                    if len(rest) < size:
                        break
                    if counted and self._is_over(sender):
                        self.cut()
                        return
                    if counted and rest[:size] == COMMITTED:
                        self.commits.append(self.counts[sender])
                    target.sendall(rest[:size] if letter else self._led(rest[:size]))
                    rest, letter = rest[size:], 1
                    if counted:
                        self.counts[sender] += 1
                if counted and sender == "client" and self._is_over(sender):
                    # The server has all of the message, and nobody will hear what comes of it.
                    self.cut()
                    return
        except OSError:
            pass
        self._hang_up(target)

    def _led(self, first: bytes) -> bytes:
        """A client's first message, with the database in it that every connection leads to."""
        if self.database is None or first[4:6] != b"\0\3":  # a request to cancel
            return first
        words = first[8:].split(b"\0")[:-2]
        named = dict(zip(words[::2], words[1::2], strict=True)) | {b"database": self.database.encode()}
        text = first[4:8] + b"".join(name + b"\0" + value + b"\0" for name, value in named.items()) + b"\0"
        return (len(text) + 4).to_bytes(4, "big") + text

    def _is_over(self, sender: Sender) -> bool:
        return self.sender == sender and self.counts[sender] == self.cut_after

    @staticmethod
    def _hang_up(each: socket.socket) -> None:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
