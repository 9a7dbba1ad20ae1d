"""Files outside a transaction: one statement after the other, each noted in the database as it is done.

Wherever PostgreSQL lets a statement run in a transaction, it and its note commit together, and so do those between a
file's own BEGIN and COMMIT: what is noted has taken effect, what is not noted has not. What refuses a transaction
(CREATE INDEX CONCURRENTLY, VACUUM, a procedure that commits) is announced before it runs and noted after it. One that
was announced and not noted was cut off in the middle: the next run looks what became of it.

The runners' lock is held by a transaction on the backend's own connection, which idles meanwhile. The statements run on
another, the worker; its number, negative, stands in yoyo's lock row. Should two be at work for all that, a note that
does not follow on the last one fails, and what was to be noted with it.
"""

from __future__ import annotations

import hashlib
import re
import shlex
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import errors as pg
from psycopg import sql
from psycopg.pq import TransactionStatus
from psycopg.types.json import Jsonb

from sqlrail.engine import explain
from sqlrail.errors import (
    BadFile,
    Busy,
    ConnectionLost,
    DatabaseFailed,
    Interrupted,
    MigrationFailed,
    Refused,
    SqlrailError,
)
from sqlrail.files.file import File
from sqlrail.files.statements import Piece, is_transaction_control
from sqlrail.ground.events import DroppedIndex, Resumed, Said, Warned
from sqlrail.ground.names import NAME, plain
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection
from sqlrail.postgres.diagnostics import sentence
from sqlrail.postgres.giving_way import Tries

if TYPE_CHECKING:  # it calls this room
    from sqlrail.engine.backend import Backend

#: what a statement that must not run in a transaction is answered with: nothing of it has stayed
UNWRAPPABLE = (pg.ActiveSqlTransaction, pg.InvalidTransactionTermination)
#: what can run twice without harm; of all else that was cut off only people can say what became of it
REPEATABLE = ("ANALYZE", "CHECKPOINT", "CLUSTER", "REFRESH", "REINDEX", "VACUUM")
#: what has its place in a transaction only, and changes nothing but that
LOCAL = ("SET", "SAVEPOINT", "RELEASE", "ROLLBACK")
#: bytes that an INSERT has at the most to go in one message with others, and how many go
SMALL, TOGETHER = 1 << 12, 200
_PATH = rf"({NAME}(?: \. {NAME}){{0,2}})"
_WORD = r'"(?:[^"]|"")*"|--[^\n]*|/\*(?s:.*?)\*/|[\w$]+|[^\s]'
_INDEX = {
    "create": r"CREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?(?:IF NOT EXISTS )?"
    rf"(?:(?!ON )({NAME}) )?ON (?:ONLY )?{_PATH}",
    "drop": rf"DROP INDEX CONCURRENTLY (?:IF EXISTS )?()(?!IF EXISTS){_PATH}",
    "reindex": rf"REINDEX (?:\([^)]*\) )?()(?:(?:INDEX|TABLE) (?:CONCURRENTLY )?{_PATH}|SCHEMA|DATABASE)",
}
_DETACH = rf"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?{_PATH} DETACH PARTITION {_PATH} CONCURRENTLY"
#: what REINDEX CONCURRENTLY calls an index that is not in use yet, or no more
_REBUILT = r".*_cc(?:new|old)\d*"
#: where the notes are
NOTES = ("sqlrail", "progress")


class Index(NamedTuple):
    """What a statement does to indexes."""

    verb: str  # create, drop or reindex
    #: of the index that is created or dropped, as the catalog has it; empty if PostgreSQL chooses one
    name: str
    #: what leads to the table, as in SQL: its name, or that of one of its indexes; None is all
    object: str | None

    @classmethod
    def of(cls, text: str) -> Index | None:
        """None for a statement about other things."""
        tokens = [token for token in re.findall(_WORD, text) if not token.startswith(("--", "/*"))]
        for verb, pattern in _INDEX.items():
            if match := re.match(f"(?i){pattern}(?![^ ])", " ".join(tokens)):
                name, path = match[1] or "", match[2]
                if verb == "drop":
                    name = re.findall(NAME, path)[-1]
                return cls(verb, plain(name), path)
        return None

    def concerns(self, found: Found) -> bool:
        """Whether the statement may have made that index, or left it as it is."""
        if self.verb == "reindex":
            return bool(re.fullmatch(_REBUILT, found.name))
        return self.name in ("", found.name)


class Detached(NamedTuple):
    """What a statement detaches concurrently: in two transactions, of which the second may be missing."""

    parent: str  # as in SQL
    partition: str

    @classmethod
    def of(cls, text: str) -> Detached | None:
        """None for a statement about other things."""
        tokens = [token for token in re.findall(_WORD, text) if not token.startswith(("--", "/*"))]
        match = re.match(f"(?i){_DETACH}(?![^ ])", " ".join(tokens))
        return cls(match[1], match[2]) if match else None


class Found(NamedTuple):
    """An index in the database."""

    oid: int
    schema: str
    name: str
    valid: bool


@dataclass(frozen=True)
class Step:
    """A statement of the file: its number from 1, and the checksum of all up to it."""

    number: int
    piece: Piece
    text: bytes
    checksum: str

    @property
    def words(self) -> tuple[str, ...]:
        return self.piece.statements[0].words

    @property
    def index(self) -> Index | None:
        """What it does to indexes."""
        if self.words[:1] not in (("CREATE",), ("DROP",), ("REINDEX",)):
            return None
        return Index.of(self.text.decode(errors="replace"))

    @property
    def is_control(self) -> bool:
        """Whether it begins or ends a transaction."""
        return is_transaction_control(self.words) and self.words[1:2] != ("PREPARED",)

    @property
    def is_setting(self) -> bool:
        """Whether it is for the session only, and the next one has to be told again."""
        first, second, *_ = *self.words, "", ""
        if first == "SELECT":
            return bool(re.match(rb"(?i)SELECT\s+(?:pg_catalog\s*\.\s*)?set_config\s*\(", self.text))
        if first == "SET":
            return second not in ("LOCAL", "TRANSACTION", "CONSTRAINTS")
        return first in ("RESET", "DISCARD", "PREPARE", "DEALLOCATE", "LISTEN", "UNLISTEN", "LOAD")

    @property
    def is_small(self) -> bool:
        """Whether it may go in one message with others."""
        return self.words[:1] == ("INSERT",) and len(self.piece.text) < SMALL


def run(backend: Backend, worker: Connection, file: File, key: dict[str, str], give_up: float) -> None:
    """Runs what is not noted yet of a file; key names its notes, and a lock that is in the way is tried until give_up.

    MigrationFailed and ConnectionLost say what is done and stays. Refused: a statement was cut off, and nobody can
    tell whether it took effect; --interrupted says `again` or `done`. BadFile: what is done was changed since.
    """
    steps = _Steps(backend, worker, file, key, give_up)
    try:
        steps.run()
    except Interrupted as exc:
        said = str(exc) if backend.is_unconfirmed else f"interrupted: {steps.place} was cancelled."
        with suppress(SqlrailError):  # that it was interrupted counts for more
            steps.look()
        exc.args = (f"{said} {steps.stands}",)
        raise


class _Steps:
    def __init__(
        self, backend: Backend, worker: Connection, file: File, key: dict[str, str], give_up: float
    ) -> None:
        self.backend, self.worker, self.file, self.key, self.give_up = backend, worker, file, key, give_up
        self.done, self.checksum = 0, ""
        self.announced: dict[str, Any] | None = None
        self.step: Step | None = None  # at hand
        self.batch: list[Step] = []
        self.digest = hashlib.sha256()
        self.made: list[Index] = []
        self.session: list[Step] = []  # what is done and concerns the session, which has ended
        self.limits = self.file_limits = backend.step_limits(file)
        self._lock_timeout = backend.lock_timeout(file)
        self._write("forget_stale")
        for row in self._ask("progress"):
            self.done, self.checksum, self.announced = row
        if self.done and key["operation"] == "post-apply":  # nobody has waited for the rest of it
            self._write("start_over")
            self.done, self.checksum = 0, ""
        self.found_done = self.done  # by this run, when it began
        self.user, self.role = self._ask("identity")[0]

    def run(self) -> None:
        """Every statement that is not noted, in turn."""
        number = 0
        for piece in self.file.pieces(1):
            if not piece.statements:
                continue
            number += 1
            step = self._take(number, piece)
            index = step.index
            if index and index.verb == "create":
                self.made.append(index)
            if number > self.found_done and step.is_small and not self.in_block and not self.announced:
                self._collect(step)
                continue
            self._run_batch()
            self.step = step
            if number <= self.found_done:
                self._skip(step)
            else:
                self._step(step, index)
        self._run_batch()
        self._check_end(number)

    def _take(self, number: int, piece: Piece) -> Step:
        text = _text(piece)  # a comment between two statements belongs to neither
        self.digest.update(text + b"\0")
        step = Step(number, piece, text, self.digest.hexdigest())
        if piece.data is not None:
            piece.data = self._digested(piece.data)
        return step

    def _digested(self, data: Iterator[bytes]) -> Iterator[bytes]:
        for block in data:
            self.digest.update(block)
            yield block

    # Where it is

    @property
    def place(self) -> str:
        return self._place_of(self.step) if self.step else str(self.file.path)

    def _place_of(self, step: Step) -> str:
        return self.file.at(*step.piece.place(step.piece.statements[0].start))

    @property
    def stands(self) -> str:
        """What is done, for messages."""
        if not self.done:
            return "It runs outside a transaction; no statement of it is done yet."
        done = "its first statement is" if self.done == 1 else f"its first {self.done} statements are"
        stay = "stays" if self.done == 1 else "stay"
        goes_on = "it" if self.done == 1 else "them"
        return f"It runs outside a transaction: {done} done and {stay}, and the next run goes on behind {goes_on}."

    @property
    def in_block(self) -> bool:
        """Whether the file has begun a transaction of its own."""
        return self.worker.info.transaction_status == TransactionStatus.INTRANS

    def look(self) -> None:
        """Asks what is done, where a message of several statements did not come to its end."""
        if self.worker.closed:
            return
        if self.worker.info.transaction_status != TransactionStatus.IDLE:
            wire.send(self.worker, b"ROLLBACK", wire.Answer())
        for row in self._ask("progress"):
            self.done, self.checksum, _ = row
            self.step = next((step for step in self.batch if step.number > self.done), self.step)

    # Statements that are done

    def _skip(self, step: Step) -> None:
        is_last, checksums = step.number == self.found_done, {step.checksum}
        for _ in step.piece.data or ():
            pass
        checksums.add(self.digest.hexdigest())
        if is_last and self.checksum not in checksums:
            raise self._changed()
        if step.is_setting or step.is_control or step.words[0] in LOCAL:
            self.session.append(step)
        if is_last:
            self._set_again()
            self.step = step
            self.backend.tell(Resumed(self.file.id, self.place, self.done + 1))

    def _set_again(self) -> None:
        """The session that they were for is gone. A block that goes on behind COMMIT AND CHAIN is begun again."""
        for step in self.session:
            self.step = step
            if step.is_setting and not self.in_block:
                self._set(step)
            elif self.in_block or step.is_control:
                self._send(step)

    def _changed(self) -> BadFile:
        done = "statement is" if self.done == 1 else "statements are"
        return BadFile(
            f"{self.file.path}: {self.done} of its {done} done, and that part of the file was changed since. "
            f"Put it back as it was; what comes behind it may be changed. To begin at the first statement again, undo "
            f"by hand what is done, and drop its notes with `repair --forget {shlex.quote(self.key['id'])}`."
        )

    # Statements that are not

    def _step(self, step: Step, index: Index | None) -> None:
        announced, self.announced = self.announced, None
        self._check_lock()
        if announced and self._is_settled(announced, step):
            self._note(step)
        elif self.in_block or step.is_control:
            self._step_in_block(step)
        elif step.is_setting:
            self._set(step)
            self._note(step)
        elif (
            step.words[:1] == ("VACUUM",)
            or (index and "CONCURRENTLY" in step.words)
            or not self._wrapped(step)
        ):
            self._alone(step, index)

    def _step_in_block(self, step: Step) -> None:
        if self.in_block and step.words[:1] in (("COMMIT",), ("END",)):
            self._send(step, self._composed_note(step, self.done))
            self._is_noted(step)
        else:
            self._send(step)
            if step.is_setting:
                self._obey(step)
            if not self.in_block:  # it was rolled back
                self._note(step)
        if self.in_block and step.is_control and self.limits:
            self._run_ours(self.limits)

    def _set(self, step: Step) -> None:
        if self.backend.is_pooled:
            raise Refused(
                f"{self.place}: this connection goes through a pooler, and a {step.words[0]} outside a transaction "
                "would reach other clients. Use SET LOCAL between BEGIN and COMMIT, or name the server itself in "
                f"DATABASE_URL. {self.stands}"
            )
        self._send(step)
        self._obey(step)

    def _obey(self, step: Step) -> None:
        """Leaves our own limit for locks to a file that sets one itself."""
        taken_back = step.words[:2] in (("RESET", "ALL"), ("DISCARD", "ALL"))
        if taken_back or re.search(rb"(?i)\block_timeout", step.text):
            self.limits = self.file_limits if taken_back or step.words[0] == "RESET" else b""

    def _collect(self, step: Step) -> None:
        self.batch.append(step)
        if len(self.batch) == TOGETHER:
            self._run_batch()

    def _run_batch(self) -> None:
        """Runs what was collected in one message; where that fails, from the failing one on one by one."""
        if not self.batch:
            return
        self.step = self.batch[0]
        self._check_lock()
        if len(self.batch) > 1:
            answer = self._send_watched(self._compose_batch(), self._lock_timeout)
            if answer.error is None:
                self._is_noted(self.batch[-1])
            else:
                self._raise_if_lost(f"the statements from {self.place} on were running; which took effect")
                self.look()
        for step in self.batch:
            if step.number > self.done:
                self.step = step
                self._step(step, None)
        self.batch = []

    def _compose_batch(self) -> bytes:
        text, done = [], self.done
        for step in self.batch:
            ahead, behind = self._around(step, done)
            text += [ahead, step.piece.text, behind]
            done = step.number
        return b"".join(text)

    def _wrapped(self, step: Step) -> bool:
        """Runs the statement in one transaction with its note; False if it refuses that, and nothing was changed."""
        tries = Tries(self.give_up)
        while True:
            started = time.monotonic()
            ahead, behind = self._around(step, self.done)
            failure = self._try(step, ahead, behind)
            if failure is None:
                self._is_noted(step)
                return True
            if isinstance(failure.__cause__, UNWRAPPABLE):
                return False
            if step.piece.data is not None:  # it is read once
                raise failure
            self.backend.give_way(failure, self.file, started, tries)

    def _around(self, step: Step, done: int) -> tuple[bytes, bytes]:
        """What makes a transaction of its own of a statement, with its note."""
        ahead = self.backend.message("begin") + self.backend.message("begin_step") + self.limits
        # The line end is for a comment that the text may end with.
        return ahead, b"\n;\n" + self._composed_note(step, done) + b"COMMIT;\n"

    def _alone(self, step: Step, index: Index | None) -> None:
        """Runs a statement that refuses a transaction, between its announcement and its note."""
        if index and index.verb == "create" and index.name:
            # IF NOT EXISTS would take an invalid one, of an earlier run or of somebody's psql, for done.
            self._drop([one for one in self._indexes(index) if not one.valid and index.concerns(one)])
        announced = self._announce(step, index)
        failure = self._try(step)
        if failure is None:
            self._note(step)
            return
        self._write("announced_failed", **self._whom)
        left = [one.name for one in self._left(announced)]
        if left:
            failure.args = (f"{failure} It left {', '.join(left)} invalid, which the next run drops.",)
        raise failure

    def _check_lock(self) -> None:
        """ConnectionLost if the connection that holds the runners' lock is gone: another runner may be at work."""
        self.backend.keep_lock()
        if wire.is_gone(self.backend.connection):
            raise ConnectionLost(
                f"the connection that holds the runners' lock was lost before {self.place}. {self.stands}"
            )

    # What was announced, and not noted

    def _announce(self, step: Step, index: Index | None) -> dict[str, Any]:
        tables = self._tables(index)
        there = self._indexes_of(tables)
        announced = {
            "statement": _digest(step),
            "index": index,
            "tables": tables,
            "indexes": [one.oid for one in there],
            "invalid": [one.oid for one in there if not one.valid],
            "failed": False,
        }
        self._write(
            "announce", done=self.done, checksum=self.checksum, announced=Jsonb(announced), **self._whom
        )
        return announced

    def _left(self, announced: dict[str, Any]) -> list[Found]:
        """The indexes that a statement left half-built."""
        if not announced["index"]:
            return []
        index, there = Index(*announced["index"]), self._indexes_of(announced["tables"])
        new = [one for one in there if not one.valid and one.oid not in announced["invalid"]]
        return [one for one in new if index.concerns(one)]

    def _is_settled(self, announced: dict[str, Any], step: Step) -> bool:
        """Whether the statement that was cut off took effect; what it left half-built is dropped."""
        self._drop(self._left(announced))
        if announced["statement"] == _digest(step) and (
            detached := Detached.of(step.text.decode(errors="replace"))
        ):
            return self._is_detached(detached)
        if announced["failed"] or announced["statement"] != _digest(step):
            return False
        index = Index(*announced["index"]) if announced["index"] else None
        if index and index.verb == "create":
            there = self._indexes_of(announced["tables"])
            return any(
                one.valid and one.oid not in announced["indexes"] and index.concerns(one) for one in there
            )
        if index and index.verb == "drop":
            return not self._tables(index)
        if step.words[0] in REPEATABLE:
            return False
        return self._is_done_as_told()

    def _is_detached(self, detached: Detached) -> bool:
        """Whether a partition is detached: by now, where the first half of that was done."""
        rows = self._ask(
            "detaching", parent=self._named(detached.parent), partition=self._named(detached.partition)
        )
        if not rows:
            return True
        ((is_pending, finalize),) = rows
        if is_pending:
            answer = wire.send(self.worker, finalize.encode(), wire.Answer())
            self._raise_if_lost(f"the detaching of {detached.partition} was being finished; whether it is")
            if answer.error is not None:
                raise DatabaseFailed(
                    f"{self.place}: it was cut off half-way, and cannot be finished: {sentence(answer.error)} "
                    + self.stands
                ) from answer.error
            self.backend.tell(Said(f"{self.place}: it was cut off half-way, and is finished now"))
        return bool(is_pending)

    def _is_done_as_told(self) -> bool:
        told = self.backend.settings.interrupted
        if told is None:
            raise Refused(
                f"{self.place}: it was running when the last run was cut off, and may have taken effect or not. Look, "
                "and run again with --interrupted done, to go on behind it, or --interrupted again, to run it once "
                f"more. {self.stands}"
            )
        self.backend.was_told = True
        self.backend.tell(
            Said(
                f"{self.place}: it was cut off, and {'counts as done' if told == 'done' else 'runs again'} as told"
            )
        )
        return bool(told == "done")

    def _named(self, name: str) -> bytes:
        return wire.named(self.worker, name)

    def _tables(self, index: Index | None) -> list[int] | None:
        """The tables whose indexes a statement may touch; None is all."""
        if index is None:
            return []
        return None if index.object is None else self._ask("tables_of", named=self._named(index.object))[0][0]

    def _indexes_of(self, tables: list[int] | None) -> list[Found]:
        return [Found(*row) for row in self._ask("indexes", tables=tables)] if tables != [] else []

    def _indexes(self, index: Index) -> list[Found]:
        return self._indexes_of(self._tables(index))

    def _drop(self, invalid: list[Found]) -> None:
        for one in invalid:
            name = sql.Identifier(one.schema, one.name).as_string(self.worker)
            answer = wire.send(self.worker, f"DROP INDEX CONCURRENTLY {name}".encode(), wire.Answer())
            self._raise_if_lost(f"the invalid index {name} was being dropped; whether it is gone")
            if answer.error is None:
                self.backend.tell(DroppedIndex(one.name))
            elif isinstance(answer.error, pg.InsufficientPrivilege) and one.schema == "pg_toast":
                self.backend.tell(
                    Warned(
                        f"the invalid index {name}, which was left half-built, is for a superuser to drop. "
                        "Until then it makes writing slower, and does no other harm."
                    )
                )
            else:
                raise DatabaseFailed(
                    f"the invalid index {name}, which an earlier run left, cannot be dropped: "
                    f"{sentence(answer.error)} Drop it, and run again. {self.stands}"
                )

    def _check_end(self, number: int) -> None:
        if number < self.found_done:
            raise self._changed()
        if self.worker.info.transaction_status != TransactionStatus.IDLE:
            raise MigrationFailed(
                f"{self.file.path}: the last transaction that it begins is never ended; add COMMIT. {self.stands}"
            )
        if self.announced:  # the statement was taken out of the file since
            self._drop(self._left(self.announced))
        for index in self.made:
            invalid = [one for one in self._indexes(index) if index.name == one.name and not one.valid]
            if invalid:
                raise MigrationFailed(
                    f"{self.file.path}: the index {invalid[0].name} is invalid, so the file is not recorded. Build it "
                    f"again with REINDEX INDEX CONCURRENTLY, and run again. {self.stands}"
                )

    # Messages

    def _note(self, step: Step) -> None:
        self._write_text(self._composed_note(step, self.done))
        self._is_noted(step)

    def _composed_note(self, step: Step, before: int) -> bytes:
        return self.backend.message(
            "note", **self.key, before=before, done=step.number, checksum=step.checksum, **self._whom
        )

    @property
    def _whom(self) -> dict[str, str]:
        return {"user": self.user, "role": self.role}

    def _is_noted(self, step: Step) -> None:
        self.done, self.checksum = step.number, step.checksum
        if step.piece.data is not None and self.digest.hexdigest() != step.checksum:
            self._note(replace(step, checksum=self.digest.hexdigest()))

    def _send(self, step: Step, ahead: bytes = b"") -> None:
        failure = self._try(step, ahead)
        if failure is not None:
            raise failure

    def _try(self, step: Step, ahead: bytes = b"", behind: bytes = b"") -> SqlrailError | None:
        """Sends a statement of the file between two texts of ours; what it failed with, if the connection stands."""
        text, data = ahead + step.piece.text + behind, step.piece.data
        limit = self._lock_timeout if ahead or self.in_block else self.file.lock_timeout or 0
        answer = self._send_watched(text, limit, data=data)
        if answer.error is None:
            return None
        self._raise_if_lost(f"{self.place} was running; whether it took effect")
        if self.worker.info.transaction_status != TransactionStatus.IDLE:
            wire.send(self.worker, b"ROLLBACK", wire.Answer())
        diag = answer.error.diag
        if isinstance(answer.error, pg.NotNullViolation) and (diag.schema_name, diag.table_name) == NOTES:
            raise Busy(f"{self.place} was noted by another runner in the meantime. {self.stands}")
        completed = answer.completed - ahead.count(b";\n")
        return explain.failure(
            self.file, step.piece, answer.error, completed, self.stands, len(ahead.decode())
        )

    def _send_watched(self, text: bytes, limit: float, data: Iterator[bytes] | None = None) -> wire.Answer:
        return self.backend.send(
            self.worker, text, wire.Answer(keep=False), name=self.file.id, limit=limit, data=data
        )

    def _ask(self, name: str, **parts: Any) -> list[tuple[Any, ...]]:
        return self._run_ours(self.backend.message(name, **self.key, **parts))

    def _write(self, name: str, **parts: Any) -> None:
        self._write_text(self.backend.message(name, **self.key, **parts))

    def _write_text(self, text: bytes) -> None:
        # The file, or the role, may have other defaults for transactions.
        self._run_ours(self.backend.message("begin") + self.backend.message("ours") + text + b"COMMIT;\n")

    def _run_ours(self, text: bytes) -> list[tuple[Any, ...]]:
        # What the file has begun goes on where its names led before.
        behind = self.backend.message("theirs") if self.in_block else b""
        answer = self.backend.send_ours(self.worker, text + behind)
        if answer.error is not None:
            self._raise_if_lost(f"{self.place} was being noted; whether it is")
            raise DatabaseFailed(
                f"the notes of {self.file.id} cannot be kept: {sentence(answer.error)} {self.stands}"
            ) from answer.error
        return answer.rows

    def _raise_if_lost(self, when: str) -> None:
        if self.worker.closed:
            raise ConnectionLost(
                f"the connection was lost while {when}, the next run finds out. {self.stands}"
            )


def _text(piece: Piece) -> bytes:
    """The statement alone, as an editor on any system would leave it."""
    statement = piece.statements[0]
    text = piece.text[statement.start : statement.end].rstrip(b"; \t\r\n")
    return re.sub(rb"[ \t\r]+(?=\n)", b"", text) if b"\n" in text else text


def _digest(step: Step) -> str:
    return hashlib.sha256(step.text).hexdigest()
