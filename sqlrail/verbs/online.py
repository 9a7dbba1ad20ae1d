"""The cleanup of big live tables: orphans are found once, and deleted in batches of their own transactions.

No row is deleted whose parent is committed when the deletion commits: a batch locks the rows that it takes, deletes
and archives them, and only then keeps writers from the parent, looks for parents once more, and commits. That lock
is the only one that others can notice, and lasts as long as the look.

A run that ends in the middle, however it ends, leaves nothing that the next one has to know: it looks anew.
"""

from __future__ import annotations

import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.types.json import Jsonb

from sqlrail.engine.backend import Backend
from sqlrail.engine.retry import PASSING
from sqlrail.errors import Busy, ConnectionLost, DatabaseFailed, Interrupted, Refused, SqlrailError
from sqlrail.ground.events import BatchCleaned, GaveWay, Listener, Said
from sqlrail.ground.relation import Relation
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import counted, milliseconds
from sqlrail.orphans import guards, survey
from sqlrail.orphans.cleaned import Cleaned
from sqlrail.orphans.composer import Composer
from sqlrail.orphans.facts import ask_facts, is_tree, tables_written
from sqlrail.orphans.guards import GUARD
from sqlrail.postgres import wire
from sqlrail.postgres.connect import connect
from sqlrail.postgres.diagnostics import sentence
from sqlrail.verbs.cleanup import Cleanup, check, describe, in_order, look, say_found, say_published, wanted

#: the upper half of the advisory locks of online cleanups; the lower is the child's oid
KEY = int.from_bytes(b"sqlr", "big")
#: rows of the first batch
FIRST = 500
#: how many times as large the next batch may be
GROWTH = 4
#: how often orphans are looked for where others had some of them in hand
LOOKS = 3
#: seconds before a batch that gave way is tried again: the first, and the most
BACKOFF = (0.1, 5.0)
#: seconds between two looks whether a replica or the pause file lets it go on
POLL = 0.25
#: seconds that a wait for a lock is worth
SHORTEST = 0.02
#: how often a look may take too long for a batch of one row before it is given up
TRIES = 5
#: what a smaller batch mends: a parent that came, somebody who waits for a row of ours, a look that took too long
SHRINKING = (pg.SerializationFailure, pg.DeadlockDetected, pg.QueryCanceled)
START = "(0,0)"

T = TypeVar("T")


class Hand:
    """Says when a signal may interrupt: at any time but within a batch, which is ended first."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._busy = False

    def interrupt(self, number: int) -> None:
        """What a signal's handler calls; Interrupted if nothing is in hand."""
        if not self._busy:
            raise Interrupted(number)
        self._number = number

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Something that is ended before Interrupted is raised."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
            if self._number is not None:
                raise Interrupted(self._number)


class _Found(NamedTuple):
    """What a look has put into a table of its own."""

    work: sql.Identifier
    rows: int


class _Batch(NamedTuple):
    upto: str  # where it ended
    rows: int
    cleaned: int
    is_last: bool
    seconds: float  # that its rows took, what does not hang on their number aside


class _Statements(NamedTuple):
    """What finds the orphans, tells where a batch of them ends, and takes it."""

    find: str
    next: str
    take: str


def _of(facts: dict[str, Any]) -> _Statements:
    if facts["distributed"]:
        return _Statements("find_orphan_keys", "online_next", "online_take_keys")
    if is_tree(facts):
        has_key = bool(facts["foreign_keys"])  # which lets no row go before those below it
        return _Statements(
            "online_find_trees", "online_next_tree" if has_key else "online_next", "online_take_tree"
        )
    return _Statements("find_orphans", "online_next", "online_take")


@dataclass
class Pace:
    """How many rows the next batch takes, so that it takes about `aim` seconds.

    What a batch takes whatever its rows (planning over hundreds of partitions, a slow disk) is told by two batches of
    different sizes. Where that is the most of it, fewer rows would only make more batches of the same time.
    """

    aim: float
    rows: int
    _fixed: float = 0.0
    _last: tuple[int, float] | None = None
    _most: float = float("inf")

    def took(self, rows: int, seconds: float) -> None:
        """A batch of so many rows took so many seconds."""
        last = self._last
        if last is None or not 0.8 < rows / last[0] < 1.25:
            if last is not None:
                slope = max(0.0, (seconds - last[1]) / (rows - last[0]))
                self._fixed = max(0.0, min(seconds, last[1]) - slope * min(rows, last[0]))
            self._last = rows, seconds
        fixed = min(self._fixed, seconds)
        wanted = max(self.aim, 2 * fixed) - fixed
        factor = min(GROWTH, max(1 / GROWTH, wanted / max(seconds - fixed, 1e-6)))
        self._most *= 1.1
        self.rows = max(1, int(min(rows * factor, self._most)))

    def failed(self, rows: int, *, too_long: bool) -> None:
        """A batch of so many rows was rolled back: half of them. Where it was too long, more only little by little."""
        self.rows = max(1, rows // 2)
        if too_long:
            self._most = float(self.rows)


def cleanup(
    settings: Settings,
    listener: Listener,
    named: list[Relation] | None = None,
    *,
    every: bool = False,
    hand: Hand | None = None,
) -> Cleanup:
    """Archives and cleans the orphans of the named relations, or of all that are known, batch by batch.

    Refused, by a guard of any relation, before the first batch has changed nothing. Every error says what was deleted
    before it; all of that is in the archive under one run.
    """
    with Backend(settings, listener) as backend:
        relations = wanted(backend, named, every=every)
        seen = describe(backend, relations)
        decided = check(seen, named)
        undecided = look(backend, [one.relation for one in seen if one not in decided], closely=False)
        if not backend.has_own_tables:
            decided = look(backend, [one.relation for one in decided], closely=False, wholly=True)
            check(decided, named)
            if any(one.orphans for one in decided):
                with backend.locked():
                    backend.ask(backend.own_tables())
                backend.look()
        done = {one.relation: replace(one, orphans=0) for one in decided}
        done |= {one.relation: one for one in undecided}
        due = [one for one in decided if not one.skipped]
        if backend.has_own_tables and due:
            run = _Run(backend, listener, hand or Hand())
            done |= {one.relation: one for one in run.clean(due)}
        number = next((one.run for one in done.values() if one.run), None)
        return Cleanup(number, False, in_order(done.values(), relations))


@dataclass
class _Run:
    backend: Backend
    listener: Listener
    hand: Hand
    id: int | None = None
    done: dict[Relation, Cleaned] = field(default_factory=dict)
    #: tables of what was found, which are ours to drop
    work: list[sql.Identifier] = field(default_factory=list)
    said: set[str] = field(default_factory=set)
    #: batches of one row whose last look took too long, in a row
    late: int = 0

    def __post_init__(self) -> None:
        self.settings = self.backend.settings
        self.pace = Pace(self.settings.batch_time, FIRST)

    def clean(self, due: Iterable[Cleaned]) -> Iterable[Cleaned]:
        """Cleans relations until none has orphans that can be deleted."""
        self.done = {one.relation: one for one in due}
        children = sorted({one.facts["child"]["name"] for one in self.done.values()})
        with self._alone(children), self._telling_what_stands():
            try:
                self._patiently("the start", lambda: self._drop_leftovers(children))
                first = self._patiently("the first look", self._look_first)
                if self.id is not None:
                    say_found(self.listener, self.done.values())
                    say_published(self.listener, self.done.values())
                    self._clean_in_turn(first)
            finally:
                self._tidy()
        return self.done.values()

    def _clean_in_turn(self, first: dict[Relation, _Found]) -> None:
        waiting, bereaved, again = set(first), set[Relation](), Counter[Relation]()
        while waiting:
            for one in [one for one in self.done.values() if one.relation in waiting]:
                found = first.pop(one.relation, None)
                if found is None or one.relation in bereaved:
                    found = self._find(one.relation, one.relation in bereaved)
                waiting, bereaved = waiting - {one.relation}, bereaved - {one.relation}
                if cleaned := self._clean(one.relation, found):
                    below = {it.relation for it in self.done.values() if one.bereaves(it)}
                    waiting, bereaved = waiting | below, bereaved | below
                    # What somebody was writing may be free by now; where somebody always is, there is an end to it.
                    again[one.relation] += 1
                    if cleaned < found.rows and again[one.relation] < LOOKS:
                        waiting.add(one.relation)

    def _find(self, relation: Relation, bereaved: bool) -> _Found:
        return self._patiently(f"the look at {relation}", lambda: self._look_again(relation, bereaved))

    # Alone

    @contextmanager
    def _alone(self, children: list[str]) -> Iterator[None]:
        """Keeps other online cleanups off these children, by a transaction of its own that idles meanwhile."""
        text = self._opening() + self._message("online_alone", online=KEY, children=children)
        deadline = time.monotonic() + self.settings.lock_wait
        with closing(connect(self.settings, listener=self.listener)) as holder:
            while True:
                answer = wire.send_ours(holder, text)
                if answer.error is not None:
                    raise DatabaseFailed(
                        f"the online cleanup cannot begin: {sentence(answer.error)}"
                    ) from answer.error
                if answer.row(-1)[0]:
                    break
                wire.send(holder, b"ROLLBACK", wire.Answer())
                if time.monotonic() >= deadline:
                    raise Busy(
                        f"another online cleanup is at work on {', '.join(children)}; gave up after "
                        f"{self.settings.lock_wait:g} s (--lock-wait)."
                    )
                self._say_once("waiting for another online cleanup of the same tables")
                time.sleep(POLL)
            yield

    def _drop_leftovers(self, children: list[str]) -> None:
        leftovers = self.backend.ddl("online_leftovers", online=KEY, children=children)
        self.backend.ask(self._opening() + leftovers + b"COMMIT")

    def _tidy(self) -> None:
        # Where this fails the next run does it.
        self.backend.undo()
        for work in list(self.work):
            with suppress(psycopg.Error):
                self._drop(work)
            self.backend.undo()

    def _drop(self, work: sql.Identifier) -> None:
        self.backend.ask(self._opening() + self.backend.ddl("online_drop", work=work))
        self.work.remove(work)

    def _end_look(self, work: sql.Identifier) -> None:
        # Unlike the batches' own commits this one waits for the disk, and so for all of theirs.
        self.backend.ask(self._opening() + self._note(self.id, self.done.values()) + b"COMMIT")
        with suppress(psycopg.Error):
            self._drop(work)

    # Looking

    def _look_first(self) -> dict[Relation, _Found]:
        """Finds the orphans of all relations, and weighs them before anything is kept; nothing where there are none."""
        self.backend.ask(self._opening())
        found: dict[Relation, _Found] = {}
        reasons = []
        for one in list(self.done.values()):
            work, rows, refusals = self._stage(one, 0)
            found[one.relation] = _Found(work, rows)
            self.done[one.relation] = replace(one, orphans=rows)
            if refusals:
                reasons.append((one.relation, refusals))
        if reasons:
            raise guards.refusal(*reasons[0])
        if not any(it.rows for it in found.values()):
            self.backend.undo()
            return {}
        self.work = [it.work for it in found.values()]
        answer = self.backend.ask(self._message("online_run", actor=self.settings.actor))
        run = answer[-1][0]
        for relation, it in found.items():
            self.done[relation] = replace(self.done[relation], run=run if it.rows else None)
        self.backend.ask(self._note(run, self.done.values()) + b"COMMIT")
        self.id = run
        return {relation: it for relation, it in found.items() if it.rows}

    def _look_again(self, relation: Relation, bereaved: bool) -> _Found:
        """Finds what has become an orphan, or could not be deleted before."""
        one, before = self.done[relation], self.done[relation].left
        found = survey.describe(self.backend, relation, self._opening())
        if found.skipped or found.refusals:
            raise self._refusal(relation, [found.skipped] if found.skipped else found.refusals)
        self._check_identity(one, found.facts)
        work, rows, refusals = self._stage(found, one.cleaned)
        new = max(0, rows - before)
        most, share = self.settings.max_rows, self.settings.max_share
        if not bereaved and new > most and new > share * one.orphans:
            refusals = [f"{new} more orphans have come since it was looked, so somebody deletes parents"]
        if refusals:
            raise self._refusal(relation, refusals)
        self.done[relation] = replace(one, orphans=one.orphans + new, facts=found.facts, run=self.id)
        self.work.append(work)
        self.backend.ask(self._note(self.id, self.done.values()) + b"COMMIT")
        return _Found(work, rows)

    def _stage(self, one: Cleaned, cleaned: int) -> tuple[sql.Identifier, int, list[str]]:
        """Finds a relation's orphans and puts them into a table; its name, their number, and what refuses them."""
        part = Composer(self.backend, one.relation, one.facts)
        name = f"online_{one.facts['child_oid']}_{secrets.token_hex(4)}"
        work = sql.Identifier("sqlrail", name)
        text = part("archive_format")
        text += part(_of(one.facts).find, staging=sql.SQL("UNLOGGED TABLE {}").format(work))
        text += part("online_weigh", work=work, earlier=cleaned) + part("archive_format_off")
        try:
            rows, found, has_parents = self.backend.ask(text)[-1]
        except psycopg.Error as exc:
            raise self._refusal(one.relation, [guards.reason(exc)]) from exc
        # Rows that were deleted count among those that are there, and those that were changed are there.
        total, rows = found + cleaned, None if rows is None else rows + (0 if one.facts["sets"] else cleaned)
        return work, found, list(guards.weigh(self.settings, total, rows, has_parents))

    # Cleaning

    def _clean(self, relation: Relation, found: _Found) -> int:
        """Cleans what was found, batch by batch; how many rows."""
        after, done, cleaned, began = START, 0, 0, time.monotonic()
        action = self.done[relation].action or "delete"
        while True:
            self._wait_for_leave()
            batch = self._patiently(
                f"a batch of {relation}",
                lambda after=after: self._batch(relation, found.work, after),  # type: ignore[misc]
                (*PASSING, *SHRINKING),
            )
            after, done, cleaned = batch.upto, done + batch.rows, cleaned + batch.cleaned
            seconds = time.monotonic() - began
            self.listener(BatchCleaned(str(relation), action, found.rows, done, cleaned, seconds))
            if batch.is_last:
                break
            self._rest(self.settings.pause)
        self._patiently("the end of a look", lambda: self._end_look(found.work))
        self.backend.undo()
        return cleaned

    def _batch(self, relation: Relation, work: sql.Identifier, after: str) -> _Batch:
        with self.hand.busy():
            size = self.pace.rows
            try:
                batch = self._send_batch(self.done[relation], work, after)
            except SHRINKING as exc:
                too_long = isinstance(exc, pg.QueryCanceled)
                self.late = self.late + 1 if size == 1 and too_long else 0
                if self.late >= TRIES:
                    raise DatabaseFailed(
                        f"a batch of {relation} cannot end: its last look for parents takes longer than "
                        f"{self._patience:g} s even for one row, and keeps writers waiting. Give it more: --batch-time."
                    ) from exc
                self.pace.failed(size, too_long=too_long)
                raise
            self.late = 0
            if not batch.is_last:
                self.pace.took(batch.rows, batch.seconds)
            return batch

    def _send_batch(self, one: Cleaned, work: sql.Identifier, after: str) -> _Batch:
        ask, facts = self.backend.ask, self._open_batch(one)
        part = Composer(self.backend, one.relation, facts)
        upto, rows = ask(part(_of(facts).next, work=work, after=after, size=self.pace.rows))[-1]
        began, is_last = time.monotonic(), rows < self.pace.rows
        if not rows:
            self.backend.undo()
            return _Batch(after, 0, 0, is_last, 0.0)
        text = part("archive_format")
        text += part(_of(facts).take, work=work, after=after, upto=upto)
        if facts["cascades"]:
            text += (
                part("online_cascades")
                + part("cascades")
                + part.cascades(row_locks=sql.SQL("FOR UPDATE OF t"))
            )
        cascaded = sql.SQL("(SELECT count(*) FROM pg_temp.sqlrail_cascade)" if facts["cascades"] else "0")
        cleaned, archived = ask(text + part.clean() + part("online_report", cascaded=cascaded))[-1]
        if not cleaned:
            self.backend.undo()
            return _Batch(upto, rows, 0, is_last, time.monotonic() - began)
        now = replace(one.counting(cleaned), archived=one.archived + archived)
        done = {**self.done, one.relation: now}
        ask(self._note(self.id, done.values()) + part("online_settle", patience=milliseconds(self._patience)))
        self.done = done
        return _Batch(upto, rows, cleaned, is_last, time.monotonic() - began)

    def _open_batch(self, one: Cleaned) -> dict[str, Any]:
        """Begins a batch; what the tables are now. A run of hours must archive a column that was added meanwhile."""
        known = one.facts
        while True:
            part = Composer(self.backend, one.relation, known)
            before = self._opening() + part(
                "online_open",
                patience=milliseconds(self._patience),
                half_patience=milliseconds(self._patience / 2),
                run=str(self.id),
            )
            facts = ask_facts(self.backend, one.relation, before)
            if facts["absent"] or facts["refusals"]:
                raise self._refusal(one.relation, [facts["absent"]] if facts["absent"] else facts["refusals"])
            self._check_identity(one, facts)
            if tables_written(facts) <= tables_written(known):
                return facts
            self.backend.undo()
            known = facts

    def _check_identity(self, one: Cleaned, facts: dict[str, Any]) -> None:
        # What was found are places in one table, which the guards have seen; a swap leads its name to another.
        if any(facts[it] != one.facts[it] for it in ("child_oid", "parent_oid")):
            raise self._refusal(one.relation, ["its name leads to another table than when it was looked"])
        if any(facts[it] != one.facts[it] for it in ("action", "sets")):
            raise self._refusal(one.relation, ["its key says another thing than when it was looked"])

    @property
    def _patience(self) -> float:
        """Seconds that a batch waits for a lock at the most, and that its last look may take."""
        most = self.settings.batch_time / 2
        return max(SHORTEST, min(self.settings.lock_timeout or most, most))

    # Giving way

    def _wait_for_leave(self) -> None:
        """Waits while the pause file is there, or a replica is too far behind."""
        file = self.settings.pause_file
        while file is not None and file.exists():
            self._say_once(f"pausing while {file} is there")
            self._rest(2 * POLL)
        while (lag := self._lag()) > self.settings.max_lag:
            self._say_once(
                f"pausing while a replica is more than {self.settings.max_lag:g} s behind (--max-lag)"
            )
            self._rest(min(lag, max(POLL, self.settings.max_lag)))

    def _rest(self, seconds: float) -> None:
        """Sleeps, and asks for nothing now and then: a server may end a session that idles (idle_session_timeout)."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, POLL))
            if left > POLL:
                try:
                    self.backend.ask(b"SELECT")
                except psycopg.Error:
                    self.backend.raise_if_lost("nothing was under way")
                    raise

    def _lag(self) -> float:
        if not self.settings.max_lag:
            return 0.0
        when = "the replicas were being looked at"
        with self.backend.translating("the replicas cannot be looked at", when):
            replicas, lag, may_know = self.backend.ask(self._message("online_lag"))[-1]
        if replicas and not may_know:
            self._say_once(
                "how far the replicas are behind this role may not know: grant it pg_read_all_stats"
            )
        return lag or 0.0

    def _patiently(self, what: str, attempt: Callable[[], T], passing: Any = PASSING) -> T:
        """Tries again what gave way, after a pause with jitter, for as long as --retry-for says."""
        pause, give_up = BACKOFF[0], time.monotonic() + self.settings.retry_for
        while True:
            try:
                return attempt()
            except psycopg.Error as exc:
                self.backend.undo()
                if self.backend.connection.closed:
                    raise ConnectionLost(f"the connection was lost during {what}.") from exc
                more = guards.remedy(exc) or guards.by_event_trigger(self.backend, exc)
                self.backend.undo()
                said = f"{what} failed: {sentence(exc)}{more}"
                if exc.sqlstate == GUARD:
                    raise Refused(f"{what} is refused: {guards.reason(exc)}.") from exc
                if not isinstance(exc, passing):
                    raise DatabaseFailed(said) from exc
                if time.monotonic() + pause > give_up:
                    raise DatabaseFailed(
                        f"{said} Gave up after {self.settings.retry_for:g} s (--retry-for)."
                    ) from exc
                is_shrinking = isinstance(exc, SHRINKING)
                if pause >= 1:
                    self.listener(GaveWay(what, sentence(exc)))
            except BaseException:
                self.backend.undo()
                raise
            if is_shrinking:
                # With fewer rows it is another thing; but whoever waited for us has to get on as well.
                self._rest(2 * self._patience * random.uniform(0.5, 1.0))  # noqa: S311
            else:
                self._rest(pause * random.uniform(0.5, 1.0))  # noqa: S311
                pause = min(pause * 2, BACKOFF[1])

    # Telling

    @contextmanager
    def _telling_what_stands(self) -> Iterator[None]:
        try:
            yield
        except SqlrailError as exc:
            if self.id is not None:
                said = "interrupted." if isinstance(exc, Interrupted) else str(exc)
                exc.args = (f"{said} {self._stands()}",)
            raise

    def _stands(self) -> str:
        deleted, changed, left = (
            sum(getattr(one, it) for one in self.done.values()) for it in ("deleted", "changed", "left")
        )
        least = "at least " if self.backend.connection.closed else ""
        counts = (
            counted(deleted, "row was deleted", "rows were deleted") * (deleted > 0),
            counted(changed, "row was changed", "rows were changed") * (changed > 0),
        )
        done = ", ".join(filter(None, counts))
        kept = f"{least}{done}, all in the archive as run {self.id}; " if done else ""
        return f"{kept}{left:,} of those found are left. Run again to go on."

    def _refusal(self, relation: Relation, reasons: Iterable[str]) -> Refused:
        if self.id is None:
            return guards.refusal(relation, reasons)
        return Refused(f"the cleanup of {relation} is refused: {'; '.join(reasons)}.")

    def _say_once(self, text: str) -> None:
        if text not in self.said:
            self.said.add(text)
            self.listener(Said(text))

    # Messages

    def _opening(self) -> bytes:
        self.backend.raise_if_standby()
        return self._message("begin") + self.backend.limits(None) + self._message("ours")

    def _note(self, run: int | None, done: Iterable[Cleaned]) -> bytes:
        relations = [
            {
                "relation": str(it.relation),
                "parent": it.facts["parent"]["name"],
                "orphans": it.orphans,
                "deleted": it.deleted,
                **({"changed": it.changed} if it.facts["sets"] else {}),
                "archived": it.archived,
            }
            for it in done
            if it.orphans
        ]
        return self._message("online_note", run=run, relations=Jsonb(relations))

    def _message(self, name: str, **parts: Any) -> bytes:
        return self.backend.message(name, **parts)
