"""The checkpoints of a file outside a transaction: how much of it is done, kept in the database."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.json import Jsonb

from sqlrail.engine.session import Session
from sqlrail.engine.steps import Step
from sqlrail.errors import ConnectionLost, SqlrailError
from sqlrail.files.file import File
from sqlrail.postgres import diagnostics, wire
from sqlrail.postgres.connect import Connection


class Checkpoints:
    """What is noted of a file has taken effect; a note that does not follow on the last one fails."""

    def __init__(self, session: Session, worker: Connection, file: File, key: dict[str, str]) -> None:
        """key: names its checkpoints."""
        self._session, self._worker, self._file, self._key = session, worker, file, key
        self.done, self.checksum = 0, ""
        self.announced: dict[str, Any] | None = None
        self.step: Step | None = None  # at hand
        self.write("forget_stale")
        for row in self.ask("progress"):
            self.done, self.checksum, self.announced = row
        if self.done and key["operation"] == "post-apply":  # nobody has waited for the rest of it
            self.write("start_over")
            self.done, self.checksum = 0, ""
        self.found_done = self.done  # by this run, when it began
        user, role = self.ask("identity")[0]
        self._whom = {"user": user, "role": role}

    # Where it is

    def at(self, step: Step) -> None:
        """Takes in which statement is at hand."""
        self.step = step

    @property
    def place(self) -> str:
        """Of the statement at hand."""
        if self.step is None:
            return str(self._file.path)
        return self._file.at(*self.step.piece.place(self.step.piece.statements[0].start))

    @property
    def stands(self) -> str:
        """What is done, for messages."""
        if not self.done:
            return "It runs outside a transaction; no statement of it is done yet."
        done = "its first statement is" if self.done == 1 else f"its first {self.done} statements are"
        stay = "stays" if self.done == 1 else "stay"
        goes_on = "it" if self.done == 1 else "them"
        return f"It runs outside a transaction: {done} done and {stay}, and the next run continues after {goes_on}."

    @property
    def in_block(self) -> bool:
        """Whether the file has begun a transaction of its own."""
        return self._worker.info.transaction_status == TransactionStatus.INTRANS

    def look(self) -> None:
        """Asks what is done, where a message of several statements did not come to its end."""
        if self._worker.closed:
            return
        if self._worker.info.transaction_status != TransactionStatus.IDLE:
            wire.send(self._worker, b"ROLLBACK", wire.Answer())
        for row in self.ask("progress"):
            self.done, self.checksum, _ = row

    # Notes

    def take_announced(self) -> dict[str, Any] | None:
        """What was announced and not noted, once."""
        announced, self.announced = self.announced, None
        return announced

    def note(self, step: Step) -> None:
        """Notes that a statement is done."""
        self._write_text(self.composed(step, self.done))
        self.is_noted(step)

    def composed(self, step: Step, before: int) -> bytes:
        """What notes that, behind so many."""
        parts = {"before": before, "done": step.number, "checksum": step.checksum}
        return self._session.store.message("note", **self._key, **parts, **self._whom)

    def is_noted(self, step: Step) -> None:
        """Takes in that a statement was noted."""
        self.done, self.checksum = step.number, step.checksum

    def announce(self, announced: dict[str, Any]) -> None:
        """Writes what tells, if the statement is cut off, what became of it."""
        parts = {"done": self.done, "checksum": self.checksum, "announced": Jsonb(announced)}
        self.write("announce", **parts, **self._whom)

    def announced_failed(self) -> None:
        """Writes that the statement that was announced has failed."""
        self.write("announced_failed", **self._whom)

    # Messages

    def ask(self, name: str, **parts: Any) -> list[tuple[Any, ...]]:
        """The rows of <name>.sql, asked on the worker."""
        return self.run_ours(self._session.store.message(name, **self._key, **parts))

    def write(self, name: str, **parts: Any) -> None:
        """Sends <name>.sql in a transaction of its own."""
        self._write_text(self._session.store.message(name, **self._key, **parts))

    def _write_text(self, text: bytes) -> None:
        # The file, or the role, may have other defaults for transactions.
        store = self._session.store
        self.run_ours(store.message("begin") + store.message("ours") + text + b"COMMIT;\n")

    def run_ours(self, text: bytes) -> list[tuple[Any, ...]]:
        """Sends a message of ours on the worker; DatabaseFailed with what stands."""
        # What the file has begun goes on where its names led before.
        behind = self._session.store.message("theirs") if self.in_block else b""
        answer = self._session.send_ours(text + behind, self._worker)
        if answer.error is not None:
            self.raise_if_lost(f"{self.place} was being noted; whether it is")
            raise self.failure(f"the checkpoints of {self._file.id} cannot be kept", answer.error)
        return answer.rows

    def failure(self, failed: str, error: psycopg.Error, remedy: str = "") -> SqlrailError:
        """What the server refused on the worker, with what to do, and what stands."""
        stands = " ".join(filter(None, (remedy, self.stands)))
        return diagnostics.failure(self._worker, failed, f"{self.place} was at work", error, stands)

    def raise_if_lost(self, when: str) -> None:
        """ConnectionLost if the worker is gone, with what stands."""
        if self._worker.closed:
            raise ConnectionLost(
                f"the connection was lost while {when}, the next run finds out. {self.stands}"
            )
