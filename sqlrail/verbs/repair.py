"""The verb repair: people accept what the files say now, and the log keeps who did."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from yoyo.migrations import get_migration_hash

from sqlrail.engine.backend import Backend
from sqlrail.errors import Refused, UsageError
from sqlrail.files.folder import read_files, resolve
from sqlrail.ground.events import Listener
from sqlrail.ground.settings import Settings
from sqlrail.records import problems
from sqlrail.records.history import Note

if TYPE_CHECKING:
    from sqlrail.results.repair import RepairedResult, RepairKind, RepairResult

#: kinds that only --forget names
FORGETTABLE = ("forgotten", "begun")


@dataclass(frozen=True)
class Repair:
    """What is accepted: a file that was edited or renamed, or that a record or notes are to be forgotten.

    Of what is forgotten after is None; notes are of a file that is half done outside a transaction.
    """

    kind: RepairKind
    id: str
    was: str  # the record's id
    before: str | None  # the record's checksum
    after: str | None  # the file's
    applied_at: datetime | None
    applied_by: str | None
    note: Note | None = None  # that is dropped

    def as_json(self) -> RepairResult:
        """The same for scripts."""
        at = f"{self.applied_at.isoformat()}Z" if self.applied_at else None
        return {
            "kind": self.kind,
            "id": self.id,
            "was": self.was,
            "before": self.before,
            "after": self.after,
            "applied_at": at,
            "applied_by": self.applied_by,
            "note": self.note.as_json() if self.note else None,
        }


@dataclass(frozen=True)
class Repaired:
    """All that was accepted."""

    repairs: tuple[Repair, ...]

    def as_json(self) -> RepairedResult:
        """The same for scripts."""
        return {"repaired": [offer.as_json() for offer in self.repairs]}


def repair(
    settings: Settings,
    listener: Listener,
    ids: Collection[str],
    forget: Collection[str],
    confirm: Callable[[list[Repair]], bool],
) -> Repaired:
    """Takes today's files for the recorded ones: those named, or all that were edited or renamed.

    forget names records whose file is gone for good, and what is half done and shall begin anew. confirm is asked
    with all of it, before the lock; under it everything is looked at again. Refused if it was not confirmed or is
    no longer what was shown.
    """
    with Backend(settings, listener) as backend:
        backend.raise_if_old()
        states, offers = _look(backend, settings)
        chosen = _choose(states, offers, ids, forget)
        if not chosen:
            return Repaired(())
        if not confirm(chosen):
            failure = Refused("nothing was accepted: type yes at the prompt, or give --yes.")
            failure.details["repairs"] = [offer.as_json() for offer in chosen]
            raise failure
        with backend.locked():
            backend.read_history()
            _, offers = _look(backend, settings)
            if not all(offer in offers for offer in chosen):
                raise Refused(
                    "it is no longer what was shown; look again with `repair`. Nothing was changed."
                )
            backend.ask(b"".join(_statements(backend, offer) for offer in chosen))
        return Repaired(tuple(chosen))


def _look(backend: Backend, settings: Settings) -> tuple[dict[str, str], list[Repair]]:
    """Each migration's state, and all that could be accepted."""
    migrations, files = read_files(settings.migrations)
    entries, found = problems.find(settings.migrations, migrations, files, backend.records, backend.notes)
    records = {record.id: record for record in backend.records}
    by_whom = _applied_by(backend) if records else {}

    def offer(kind: RepairKind, id_: str, was: str, after: str | None) -> Repair:
        record = records[was]
        return Repair(kind, id_, was, record.checksum, after, record.applied_at, by_whom.get(record.hash))

    checksums = {record.id: record.checksum for record in backend.records}
    states = {note.id: "gone" for note in backend.notes} | {entry.id: entry.state for entry in entries}
    return states, [
        *(
            offer(problem.kind, problem.id, problem.was or problem.id, files[problem.id].checksum)
            for problem in found
            if problem.kind in ("edited", "renamed")
        ),
        *(offer("forgotten", entry.id, entry.id, None) for entry in entries if entry.state in problems.GONE),
        *(
            Repair("begun", note.id, note.id, checksums.get(note.id), None, None, None, note)
            for note in backend.notes
        ),
    ]


def _choose(
    states: dict[str, str], offers: list[Repair], ids: Collection[str], forget: Collection[str]
) -> list[Repair]:
    gone = {resolve(given, states, "--forget") for given in forget}
    named = {resolve(given, states, "repair") for given in ids}
    forgettable = [offer for offer in offers if offer.kind in FORGETTABLE]
    for id_ in gone - {offer.id for offer in forgettable}:
        raise UsageError(
            f"--forget {id_}: its file is there, and it is not half done; there is nothing to forget."
        )
    forgotten = [offer for offer in forgettable if offer.id in gone]
    dropped = {offer.id for offer in forgotten if offer.kind == "forgotten"}
    kept = [offer for offer in offers if offer.kind not in FORGETTABLE and offer.was not in dropped]
    for id_ in named - {name for offer in kept for name in (offer.id, offer.was)}:
        raise UsageError(_nothing_to_accept(id_, states[id_]))
    if ids or forget:
        kept = [offer for offer in kept if {offer.id, offer.was} & named]
    return [*kept, *forgotten]


def _applied_by(backend: Backend) -> dict[str, str]:
    rows = backend.ask(backend.message("applied_by"))
    return {hash_: f"{user or 'unknown'} on {host or 'unknown'}" for hash_, user, host in rows}


def _nothing_to_accept(id_: str, state: str) -> str:
    remedy = {
        "missing": f"its file is gone; `repair --forget {shlex.quote(id_)}` takes its record out",
        "ahead": "it is ahead of this folder, which has no file of it",
        "applied": "it is applied, and its file is intact",
    }.get(state, "it is not applied yet")
    return f"repair {id_}: there is nothing to accept, {remedy}."


def _statements(backend: Backend, offer: Repair) -> bytes:
    new, old = get_migration_hash(offer.id), get_migration_hash(offer.was)
    if offer.kind == "begun":
        return backend.message("forget_progress", hash=old) + backend.log_entry(
            offer.was, old, "begin-anew", offer.before
        )
    if offer.kind == "forgotten":
        return backend.message("forget", hash=old) + backend.log_entry(offer.was, old, "forget", offer.before)
    text = b""
    if offer.kind == "renamed":
        text = backend.message("rename", hash=new, id=offer.id, old_hash=old)
        text += backend.log_entry(offer.was, old, "renamed", offer.id)
        if backend.has_all_own_tables:
            text += backend.message("move_notes", hash=new, id=offer.id, old_hash=old)
    return text + backend.log_entry(offer.id, new, "repair", offer.after)
