"""How a file outside a transaction is rehearsed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from typing import Any, NamedTuple

from psycopg.pq import TransactionStatus

from sqlrail.engine import explain
from sqlrail.engine.step_run import UNWRAPPABLE
from sqlrail.engine.steps import Step
from sqlrail.errors import (
    MigrationFailed,
    SqlrailError,
)
from sqlrail.files.file import File
from sqlrail.postgres import stopping, wire
from sqlrail.postgres.connect import Connection, connect
from sqlrail.scratch.confined import is_shared
from sqlrail.scratch.keepers import Keepers
from sqlrail.scratch.scene import Scene, reaches_out
from sqlrail.scratch.seen import (
    DONE,
    MISSING,
    SHARED,
    UNSEEN,
    Changes,
    Locks,
    Seen,
    States,
    Watched,
    ask,
    brief,
    compare,
    locks_of,
    source,
    strongest,
    takes_back,
)
from sqlrail.scratch.shapes import locked_by
from sqlrail.scratch.told import Notices
from sqlrail.scratch.using import Using

#: seconds between two looks at it: the first, and the most
POLL = (0.001, 0.1)
#: connections that hold up a statement which refuses a transaction
KEEPERS = 8


class _After(NamedTuple):
    """What a statement outside a transaction has left, and why it was not kept."""

    states: States
    objects: Locks
    note: str | None = None


class OutsideRehearsal:
    """A file outside a transaction: where PostgreSQL lets it each statement in one of its own, with a look at its end.

    What refuses a transaction is held up by keepers instead, and its locks are seen while it waits.
    """

    def __init__(self, scene: Scene, worker: Connection, file: File) -> None:
        self.scene, self.worker, self.file = scene, worker, file
        self._notices = Notices(worker)

    def run(self) -> None:
        """Every statement in turn."""
        done = self.scene.noted.get(self.file.id, 0)
        for number, piece in enumerate((piece for piece in self.file.pieces(1) if piece.statements), 1):
            start, end, *_ = piece.statements[0]
            self._step(Step(number, piece, piece.text[start:end], ""), is_done=number <= done)

    @property
    def _in_block(self) -> bool:
        return self.worker.info.transaction_status == TransactionStatus.INTRANS

    def _step(self, step: Step, *, is_done: bool) -> None:
        if is_shared(step.words, step.text):
            for _ in step.piece.data or ():
                pass
            self._note(step, f"{UNSEEN}{SHARED}")
            return
        if self.scene.lacks(step.piece):
            self._note(step, f"{UNSEEN}{MISSING}")
            return
        if self._in_block and step.is_control:
            self._refuse_shared()
        before, using = self._look(), self.scene.using(self.worker, step.piece)
        doomed = self.scene.doomed(self.worker, step.piece)
        if self._in_block or step.is_control or step.is_setting:
            self._send(step)
            after = self._look()
            before = after if takes_back(step.words) else before
        else:
            after = self._wrapped(step) or self._alone(step)
        if is_done:
            self._note(step, DONE)
        else:
            self._keep(step, before, after)
        self._look_at_shapes(step, before, after, using)
        seen = self.scene.seen[self.file.id]
        seen[-1] = seen[-1]._replace(doomed=doomed)

    def _look_at_shapes(self, step: Step, before: _After, after: _After, using: Mapping[str, Using]) -> None:
        """What looks otherwise behind the statement of which was just kept what it did."""
        seen, snapshots = self.scene.seen[self.file.id], self.scene.snapshots
        text, held, is_back = source(step.piece), locked_by(after.states), takes_back(step.words)
        oids = snapshots.concerned(step.words, text, held - locked_by(before.states), held)
        if is_back:
            oids = {oid for one in seen for oid in one.shapes}
        shapes = snapshots.look(self.worker, oids) if oids else {}
        seen[-1] = seen[-1]._replace(source=text, shapes=shapes, using=using, is_back=is_back)

    def _look(self) -> _After:
        scene = self.scene
        objects = scene.objects_in(scene.held(self.worker).objects)
        return _After(scene.states(self.worker), objects)

    def _keep(self, step: Step, before: _After, after: _After) -> None:
        objects = {one: lock for one, lock in after.objects.items() if lock > before.objects.get(one, -1)}
        changes = compare(before.states, after.states)
        self._seen(step, changes, objects, locks_of(after.states), after.note)

    def _note(self, step: Step, note: str) -> None:
        self._seen(step, {}, {}, {}, note)

    def _seen(
        self, step: Step, changes: Changes, objects: Locks, locks: dict[int, int], note: str | None
    ) -> None:
        place = step.piece.place(step.piece.statements[0].start)
        told = self._notices.take()
        self.scene.keep(
            self.file, Seen(brief(step.piece), place, changes, objects, locks, note, notices=told)
        )

    def _refuse_shared(self) -> None:
        if self.scene.changes_server(self.worker):
            raise reaches_out(self.file)

    def _wrapped(self, step: Step) -> _After | None:
        """What is seen at the end of its transaction; None if it refuses to run in one."""
        scene = self.scene
        ask(self.worker, scene.store.message("begin") + scene.store.limits(self.file))
        try:
            self._send(step)
        except MigrationFailed as exc:
            wire.send(self.worker, b"ROLLBACK", wire.Answer())
            if isinstance(exc.__cause__, UNWRAPPABLE):
                return None
            raise
        after, kept = self._look(), not scene.changes_server(self.worker)
        answer = wire.send(self.worker, b"COMMIT" if kept else b"ROLLBACK", wire.Answer())
        if answer.error is not None:  # of a deferred constraint
            raise self._failure(step, answer, None)
        return after if kept else after._replace(note=f"taken back: {SHARED}")

    def _alone(self, step: Step) -> _After:
        """Runs what refuses a transaction, held up at each lock that it asks for on a table which it names."""
        if self.scene.is_pooled:  # others' sessions could be this one's
            self._send(step)
            return self._look()._replace(note="its locks are not seen through a pooler")
        seen: dict[int, set[str]] = {}
        tables, scene = self._tables(step), self.scene
        with ExitStack() as stack:
            number = 1 + min(KEEPERS, len(tables))
            observer, *keepers = [
                stack.enter_context(closing(connect(scene.settings))) for _ in range(number)
            ]
            held = Keepers(keepers, scene.store.message("begin") + scene.store.limits(None), tables)
            limit = self._limit("0")
            self._send(step, lambda: self._watch(observer, held, seen))
            held.let_go()
            self._limit(limit)
        states = scene.states(self.worker)
        return _After({oid: it._replace(lock=strongest(seen.get(oid, ()))) for oid, it in states.items()}, {})

    def _limit(self, lock_timeout: str) -> Any:
        """Sets how long the worker waits for a lock, for the keepers' would count; what it was before."""
        ((before, _),) = ask(self.worker, self.scene.store.message("plan_limit", lock_timeout=lock_timeout))[
            -1
        ]
        return before

    def _tables(self, step: Step) -> list[Watched]:
        text = step.text.decode(errors="replace").lower()
        # By the names of today: an earlier statement may have renamed or dropped some.
        there = self.scene.relations(self.worker)
        named = {it.table or oid for oid, it in there.items() if it.name.lower().replace('"', '""') in text}
        tables = {oid: it for oid, it in there.items() if it.kind in ("r", "p")}
        # Without a name, or with one that stands for its partitions, it may be about any of them.
        if not named or any(there[oid].kind == "p" for oid in named):
            named |= tables.keys()
        return [it for oid, it in tables.items() if oid in named]

    def _watch(self, observer: Connection, held: Keepers, seen: dict[int, set[str]]) -> None:
        """Looks what it has and wants when it waits for a keeper, who then steps back; at other times it is chance."""
        pgconn, pause = self.worker.pgconn, POLL[0]
        text = self.scene.store.message("plan_locks", pid=self.worker.info.backend_pid)
        while True:
            pgconn.consume_input()
            if not pgconn.is_busy():
                return
            ((blockers,),), locks = ask(observer, text)
            in_the_way = held.in_the_way(blockers)
            if not in_the_way:
                stopping.sleep(pause)
                pause = min(2 * pause, POLL[1])
                continue
            for oid, mode in locks:
                seen.setdefault(oid, set()).add(mode)
            held.step_back(in_the_way)
            pause = POLL[0]

    def _send(self, step: Step, meanwhile: Callable[[], object] = lambda: None) -> None:
        answer = wire.Answer(keep=False)
        wire.send(self.worker, step.piece.text, answer, meanwhile=meanwhile, data=step.piece.data)
        if answer.error is not None:
            raise self._failure(step, answer, answer.completed)

    def _failure(self, step: Step, answer: wire.Answer, completed: int | None) -> SqlrailError:
        self.scene.raise_if_lost(f"{self.file.id} was being rehearsed", self.worker)
        assert answer.error is not None
        stands = f"Nothing of {self.file.id} was applied."
        return explain.failure(self.file, step.piece, answer.error, completed, stands)
