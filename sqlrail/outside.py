"""Files outside a transaction: one statement after the other, each noted in the database as it is done.

Wherever PostgreSQL lets a statement run in a transaction, it and its note commit together, and so do those between a
file's own BEGIN and COMMIT: what is noted has taken effect, what is not noted has not. What refuses a transaction
(CREATE INDEX CONCURRENTLY, VACUUM, a procedure that commits) is announced before it runs and noted after it. One that
was announced and not noted was cut off in the middle: the next run looks what became of it.

The runners' lock is held by a transaction on the backend's own connection, which idles meanwhile. The statements run on
another, the worker; its number, negative, stands in yoyo's lock row.
"""

from __future__ import annotations

import hashlib
import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.pq import TransactionStatus
from psycopg.types.json import Jsonb

from sqlrail import explain, wire
from sqlrail.connect import Connection
from sqlrail.errors import (
    BadFile,
    ConnectionLost,
    DatabaseFailed,
    Interrupted,
    MigrationFailed,
    Refused,
    SqlrailError,
)
from sqlrail.history import File
from sqlrail.statements import Piece, Statement, is_transaction_control

if TYPE_CHECKING:  # it calls this room
    from sqlrail.backend import Backend

#: what a statement that must not run in a transaction is answered with: nothing of it has stayed
UNWRAPPABLE = (pg.ActiveSqlTransaction, pg.InvalidTransactionTermination)
#: what a file may set for itself
LIMITS = {"LOCK_TIMEOUT", "STATEMENT_TIMEOUT", "IDLE_IN_TRANSACTION_SESSION_TIMEOUT", "TRANSACTION_TIMEOUT"}
#: what can run twice without harm; of all else that was cut off only people can say what became of it
REPEATABLE = ("ANALYZE", "CHECKPOINT", "CLUSTER", "REFRESH", "REINDEX", "VACUUM")
_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_PATH = rf"({_NAME}(?:\s*\.\s*{_NAME})?)"
_COMMENT = r"--[^\n]*|/\*(?s:.*?)\*/"
_INDEX = {
    "create": r"CREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?(?:IF NOT EXISTS )?"
    rf"(?:(?!ON )({_NAME}) )?ON (?:ONLY )?{_PATH}",
    "drop": rf"DROP INDEX CONCURRENTLY (?:IF EXISTS )?{_PATH}()",
    "reindex": rf"REINDEX ?(?:\([^)]*\) ?)?()(?:INDEX |TABLE )(?:CONCURRENTLY )?{_PATH}",
}


class Index(NamedTuple):
    """What a statement does to indexes; names are spelled as in SQL, and empty where there is none."""

    verb: str  # create, drop or reindex
    name: str  # of the index that is created or dropped
    object: str  # the table that it is created on; the table or index that is rebuilt

    @classmethod
    def of(cls, text: str) -> Index | None:
        """None for a statement about other things."""
        words = " ".join(re.sub(_COMMENT, " ", text).split())
        for verb, pattern in _INDEX.items():
            if match := re.match(f"(?i){pattern}", words):
                return cls(verb, match[1] or "", match[2])
        return None

    @property
    def plain_name(self) -> str:
        """The name as the catalog has it."""
        return self.name[1:-1].replace('""', '"') if self.name.startswith('"') else self.name.lower()


class Found(NamedTuple):
    """An index in the database."""

    oid: int
    schema: str
    name: str
    valid: bool


def run(backend: Backend, worker: Connection, file: File, key: dict[str, str], give_up: float) -> None:
    """Runs what is not noted yet of a file; key names its notes, and a lock that is in the way is tried until give_up.

    MigrationFailed and ConnectionLost say what is done and stays. Refused: a statement was cut off, and nobody can
    tell whether it took effect; --interrupted says `again` or `done`. BadFile: what is done was changed since.
    """
    steps = _Steps(backend, worker, file, key, give_up)
    try:
        steps.run()
    except Interrupted as exc:
        exc.args = (f"interrupted: {steps.place} was cancelled. {steps.stands}",)
        raise


class _Steps:
    def __init__(
        self, backend: Backend, worker: Connection, file: File, key: dict[str, str], give_up: float
    ) -> None:
        self.backend, self.worker, self.file, self.key, self.give_up = backend, worker, file, key, give_up
        rows = self._ask("progress")
        self.done, self.checksum, self.announced = rows[0] if rows else (0, "", None)
        self.found_done = self.done  # by this run, when it began
        self.number = 0  # of the statement at hand, from 1
        self.piece = Piece(b"")
        self.digest = hashlib.sha256()
        self.made: list[Index] = []
        self.limits = backend.limits(file)
        self.user, self.role = self._ask("identity")[0]

    def run(self) -> None:
        """Every statement that is not noted, in turn."""
        for piece in self.file.pieces(1):
            if not piece.statements:
                continue
            self.piece, self.number = piece, self.number + 1
            # Line ends do not count here either, and a comment between two statements belongs to neither.
            self.digest.update(self.text.replace(b"\r\n", b"\n") + b"\0")
            index = Index.of(self.text.decode(errors="replace"))
            if index and index.verb == "create":
                self.made.append(index)
            if self.number <= self.found_done:
                self._skip()
            else:
                self._step(index)
        self._check_end()

    # Where it is

    @property
    def statement(self) -> Statement:
        return self.piece.statements[0]

    @property
    def text(self) -> bytes:
        return self.piece.text[self.statement.start : self.statement.end]

    @property
    def place(self) -> str:
        return self.file.at(*self.piece.place(self.statement.start)) if self.number else str(self.file.path)

    @property
    def stands(self) -> str:
        """What is done, for messages."""
        if not self.done:
            return "It runs outside a transaction; no statement of it is done yet."
        done = "its first statement is" if self.done == 1 else f"its first {self.done} statements are"
        stay = "stays" if self.done == 1 else "stay"
        return f"It runs outside a transaction: {done} done and {stay}, and the next run goes on behind them."

    @property
    def in_block(self) -> bool:
        """Whether the file has begun a transaction of its own."""
        return self.worker.info.transaction_status == TransactionStatus.INTRANS

    # One statement

    def _skip(self) -> None:
        if self.number == self.found_done and self.digest.hexdigest() != self.checksum:
            raise self._changed()
        if self.number == self.found_done:
            self.backend.say(f"{self.file.id} goes on behind {self.place}, with statement {self.done + 1}")
        if _is_setting(self.statement, self.text):  # the session that it was for is gone
            self._set()

    def _changed(self) -> BadFile:
        return BadFile(
            f"{self.file.path}: {self.done} of its statements are done, and that part of the file was changed since. "
            "Put it back as it was; what comes behind it may be changed."
        )

    def _step(self, index: Index | None) -> None:
        words, announced, self.announced = self.statement.words, self.announced, None
        self._check_lock()
        if announced and self._is_settled(announced):
            self._note()
        elif self.in_block and words[:1] in (("COMMIT",), ("END",)):
            self._send(self._composed_note(), self.piece.text)
            self._is_noted()
        elif self.in_block or is_transaction_control(words):
            self._send(b"", self.piece.text)
            if not self.in_block:  # it was rolled back
                self._note()
        elif _is_setting(self.statement, self.text):
            self._set()
            self._note()
        elif words[:1] == ("VACUUM",) or (index and "CONCURRENTLY" in words) or not self._wrapped():
            self._alone(index)

    def _set(self) -> None:
        if self.backend.is_pooled:
            raise Refused(
                f"{self.place}: this connection goes through a pooler, and a SET outside a transaction would reach "
                "other clients. Use SET LOCAL between BEGIN and COMMIT, or name the server itself in DATABASE_URL. "
                f"{self.stands}"
            )
        self._send(b"", self.piece.text)
        if LIMITS.intersection(self.statement.words):  # what the file says itself goes first
            self.limits = b""

    def _wrapped(self) -> bool:
        """Runs the statement in one transaction with its note; False if it refuses that, and nothing was changed."""
        started = time.monotonic()
        for pause in self.backend.pauses():
            ahead = self.backend.message("begin_step") + self.limits
            # The line end is for a comment that the text may end with.
            failure = self._try(ahead, self.piece.text, b"\n;\n" + self._composed_note() + b"COMMIT")
            if failure is None:
                self._is_noted()
                return True
            if isinstance(failure.__cause__, UNWRAPPABLE):
                return False
            if self.piece.data is not None:  # it is read once
                raise failure
            self.backend.give_way(failure, self.file, pause, started, self.give_up)
        raise AssertionError("pauses do not end")

    def _alone(self, index: Index | None) -> None:
        """Runs a statement that refuses a transaction, between its announcement and its note."""
        if index and index.verb == "create" and index.name:
            # IF NOT EXISTS would take an invalid one, of an earlier run or of somebody's psql, for done.
            self._drop(
                [one for one in self._indexes(index) if one.name == index.plain_name and not one.valid]
            )
        self._announce(index)
        failure = self._try(b"", self.piece.text)
        if failure is None:
            self._note()
            return
        self._ask("announced_failed", user=self.user, role=self.role)
        left = [one.name for one in self._indexes(index) if not one.valid] if index else []
        if left:
            failure.args = (f"{failure} It left {', '.join(left)} invalid, which the next run drops.",)
        raise failure

    def _check_lock(self) -> None:
        """ConnectionLost if the connection that holds the runners' lock is gone: another runner may be at work."""
        connection = self.backend.connection
        try:
            connection.pgconn.consume_input()
        except psycopg.OperationalError as exc:
            connection.close()
            raise ConnectionLost(
                f"the connection that holds the runners' lock was lost before {self.place}. {self.stands}"
            ) from exc

    # What was announced, and not noted

    def _announce(self, index: Index | None) -> None:
        tables = self._ask("tables_of", object=index.object)[0][0] if index and index.object else None
        there = self._indexes(index) if index else []
        announced = {
            "statement": self._digest_of_text(),
            "index": index,
            "tables": tables,
            "indexes": [one.oid for one in there],
            "invalid": [one.oid for one in there if not one.valid],
            "failed": False,
        }
        self._ask("announce", **self._notes(self.done, self.checksum), announced=Jsonb(announced))

    def _is_settled(self, announced: dict[str, Any]) -> bool:
        """Whether the statement that was cut off took effect; what it left half-built is dropped."""
        index = Index(*announced["index"]) if announced["index"] else None
        there = [Found(*row) for row in self._ask("indexes", tables=announced["tables"])] if index else []
        self._drop([one for one in there if not one.valid and one.oid not in announced["invalid"]])
        if announced["failed"] or announced["statement"] != self._digest_of_text():
            return False
        if index and index.verb == "create":
            new = [one for one in there if one.valid and one.oid not in announced["indexes"]]
            return any(not index.name or one.name == index.plain_name for one in new)
        if index and index.verb == "drop":
            return not self._ask("tables_of", object=index.name)[0][0]
        if self.statement.words[0] in REPEATABLE:
            return False
        return self._is_done_as_told()

    def _is_done_as_told(self) -> bool:
        told = self.backend.settings.interrupted
        if told is None:
            raise Refused(
                f"{self.place} was running when the last run was cut off, and may have taken effect or not. Look, and "
                "run again with --interrupted done, to go on behind it, or --interrupted again, to run it once more."
            )
        self.backend.say(
            f"{self.place} was cut off, and {'counts as done' if told == 'done' else 'runs again'} as told"
        )
        return bool(told == "done")

    def _indexes(self, index: Index) -> list[Found]:
        tables = self._ask("tables_of", object=index.object)[0][0] if index.object else None
        return [Found(*row) for row in self._ask("indexes", tables=tables)]

    def _drop(self, invalid: list[Found]) -> None:
        for one in invalid:
            statement = sql.SQL("DROP INDEX CONCURRENTLY {}").format(sql.Identifier(one.schema, one.name))
            answer = wire.send(self.worker, statement.as_bytes(self.worker), wire.Answer())
            if answer.error is not None:
                raise DatabaseFailed(
                    f"the invalid index {one.name}, which an earlier run left, cannot be dropped: "
                    f"{explain.sentence(answer.error)} Drop it, and run again."
                )
            self.backend.say(f"dropped the invalid index {one.name}, which was left half-built")

    def _check_end(self) -> None:
        if self.number < self.found_done:
            raise self._changed()
        if self.worker.info.transaction_status != TransactionStatus.IDLE:
            raise MigrationFailed(
                f"{self.file.path}: the last transaction that it begins is never ended; add COMMIT. {self.stands}"
            )
        for index in self.made:
            invalid = [one for one in self._indexes(index) if one.name == index.plain_name and not one.valid]
            if invalid:
                raise MigrationFailed(
                    f"{self.file.path}: the index {invalid[0].name} is invalid, so the file is not recorded. Build it "
                    f"again with REINDEX INDEX CONCURRENTLY, and run again. {self.stands}"
                )

    # Messages

    def _note(self) -> None:
        self._ask("note", **self._notes(self.number, self.digest.hexdigest()))
        self._is_noted()

    def _composed_note(self) -> bytes:
        notes = self._notes(self.number, self.digest.hexdigest())
        return self.backend.message("note", **self.key, **notes)

    def _notes(self, done: int, checksum: str) -> dict[str, Any]:
        return {"done": done, "checksum": checksum, "user": self.user, "role": self.role}

    def _is_noted(self) -> None:
        self.done, self.checksum = self.number, self.digest.hexdigest()

    def _digest_of_text(self) -> str:
        return hashlib.sha256(self.text).hexdigest()

    def _send(self, ahead: bytes, text: bytes) -> None:
        failure = self._try(ahead, text)
        if failure is not None:
            raise failure

    def _try(self, ahead: bytes, text: bytes, behind: bytes = b"") -> SqlrailError | None:
        """Sends a statement of the file between two texts of ours; what it failed with, if the connection stands."""
        answer = wire.send(
            self.worker, ahead + text + behind, wire.Answer(), keep=False, data=self.piece.data
        )
        if answer.error is None:
            return None
        self._raise_if_lost(f"{self.place} was running; whether it took effect, the next run finds out")
        if behind:
            wire.send(self.worker, b"ROLLBACK", wire.Answer())
        completed = answer.completed - ahead.count(b";\n")
        return explain.failure(
            self.file, self.piece, answer.error, completed, self.stands, len(ahead.decode())
        )

    def _ask(self, name: str, **parts: Any) -> list[tuple[Any, ...]]:
        answer = wire.send(self.worker, self.backend.message(name, **self.key, **parts), wire.Answer())
        if answer.error is not None:
            self._raise_if_lost("the notes were being kept")
            raise DatabaseFailed(
                f"the notes of {self.file.id} cannot be kept: {explain.sentence(answer.error)} {self.stands}"
            ) from answer.error
        return answer.rows

    def _raise_if_lost(self, when: str) -> None:
        if self.worker.closed:
            raise ConnectionLost(f"the connection was lost while {when}. {self.stands}")


def _is_setting(statement: Statement, text: bytes) -> bool:
    """Whether a statement sets something for the session: the next one has to be told again."""
    first, second, *_ = *statement.words, "", ""
    if first == "SELECT":
        return bool(re.match(rb"(?i)SELECT\s+(?:pg_catalog\s*\.\s*)?set_config\s*\(", text))
    return first == "RESET" or (first == "SET" and second not in ("LOCAL", "TRANSACTION", "CONSTRAINTS"))
