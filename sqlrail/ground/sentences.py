"""The words of every event, for whoever reads instead of acting: the command line, and an application's log."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from sqlrail.ground.events import (
    Ahead,
    AnswerLost,
    Applied,
    BatchCleaned,
    BatchFilled,
    Begun,
    CopyingRows,
    DroppedIndex,
    Event,
    Filled,
    GaveWay,
    HistoryRead,
    LeftBehind,
    Loaded,
    Noted,
    Noticed,
    Orphans,
    Progress,
    ProgressEnded,
    Reached,
    Resumed,
    RolledBack,
    Said,
    TakingBack,
    Unconfirmed,
    WaitingForLock,
    WaitingForServer,
    WaitingForStandby,
    Warned,
)
from sqlrail.ground.words import counted, printable, rows, size, visible

#: what becomes of orphans
BECOMES = {
    "delete": "deleted",
    "set null": "set to null",
    "set default": "set to default",
    "set value": "set",
    "keep newest": "deleted",
    "keep oldest": "deleted",
}


def text(event: Event) -> str:
    """An event in a sentence; of an applied file also a line for each relation that it has cleaned."""
    match event:
        case Warned(words):
            return f"warning: {words}"
        case Noted(words):
            return f"note: {words}"
        case Said(words):
            return words
        case Noticed(severity, words):
            return f"{severity.lower()}: {words}"
        case Reached(target):
            return f"target: {target}"
        case WaitingForServer() | WaitingForLock() | WaitingForStandby() | GaveWay():
            return _of_waiting(event)
        case Progress() | ProgressEnded() | BatchCleaned() | BatchFilled():
            return _of_progress(event)
        case Unconfirmed() | AnswerLost() | LeftBehind():
            return _of_a_breakdown(event)
        case CopyingRows(tables, number, server):
            return _of_a_copy(tables, number, server)
        case _:
            return _of_a_file(event)


def _of_a_file(
    event: HistoryRead | Ahead | Begun | Applied | TakingBack | RolledBack | Loaded | Resumed | DroppedIndex,
) -> str:
    match event:
        case HistoryRead(newest, pending):
            return f"at {printable(newest) if newest else 'no file yet'}, {pending} pending"
        case Ahead():
            return _of_a_newer_release(event)
        case Begun(name):
            return f"applying {printable(name)} ..."
        case Applied(name, seconds, cleanup, backfill, code):
            more = [*map(cleaned, cleanup), *([filled(backfill)] if backfill else []), *_made_again(code)]
            return "\n  ".join([f"applied {name} ({seconds:.2f} s)", *more])
        case TakingBack(name, text, is_edited):
            lines = "".join(f"\n  | {line}" for line in visible(text).splitlines())
            why = "was edited since it was applied" if is_edited else "has no file here"
            return f"{printable(name)} {why}, and is taken back by what was kept of its rollback:{lines}"
        case RolledBack(name, seconds, code):
            return "\n  ".join([f"rolled back {name} ({seconds:.2f} s)", *_made_again(code)])
        case Loaded(path, seconds):
            return f"loaded {path} ({seconds:.2f} s)"
        case Resumed(name, place, statement):
            return f"{name} continues after {place}, with statement {statement}"
        case DroppedIndex(name):
            return f"dropped the invalid index {name}, which was left half-built"


def _made_again(code: Collection[str]) -> list[str]:
    """Of code files, where there are any."""
    named = ", ".join(f"code/{printable(name)}" for name in code)
    return [f"with it {named} {'was' if len(code) == 1 else 'were'} made again"] if code else []


def _of_a_newer_release(event: Ahead) -> str:
    named = [f"{id_} (half done)" if id_ in event.half_done else id_ for id_ in event.ids]
    left = f"; that release's `backfill` does {printable(', '.join(event.left))}" if event.left else ""
    left += (
        f"; its `migrate --phase after` does {printable(', '.join(event.waiting))}" if event.waiting else ""
    )
    return (
        f"the database is ahead of this folder by {printable(', '.join(named))}: a newer release has been here, and "
        f"there is nothing to apply{left}"
    )


def _of_waiting(event: WaitingForServer | WaitingForLock | WaitingForStandby | GaveWay) -> str:
    match event:
        case WaitingForServer(server, seconds, why):
            return f"waiting for {server}, {seconds:g} s at the most (--wait): {why}"
        case WaitingForLock(holder, seconds):
            return f"waiting for {holder}, {seconds:g} s at the most (--lock-wait)"
        case WaitingForStandby(name, standbys):
            return (
                f"the commit{f' of {name}' if name else ''} waits for a synchronous standby ({standbys}). It stands on "
                "this server already: Ctrl-C ends the wait, and does not take it back"
            )
        case GaveWay(what, why, pause=pause):
            return f"{what} gave way: {why} It is tried again{'' if pause is None else f' in {pause:.1f} s'}."


def _of_progress(event: Progress | ProgressEnded | BatchCleaned | BatchFilled) -> str:
    match event:
        case ProgressEnded(name):
            return f"{name}: ended"
        case _:
            shown = progress(event)
            return f"{shown.name}: {shown.text}"


def _of_a_breakdown(event: Unconfirmed | AnswerLost | LeftBehind) -> str:
    match event:
        case Unconfirmed():
            return f"warning: {unconfirmed(event)}"
        case AnswerLost(name):
            return f"the connection was lost while {name} was being committed; looking what became of it"
        case LeftBehind(database, why):
            return f"the scratch database {database} stays behind until a later run drops it: {why}"


def _of_a_copy(tables: tuple[str, ...], number: int, server: str | None) -> str:
    where = "this server" if server is None else server
    return (
        f"copying the rows of {printable(', '.join(tables))} ({size(number)}) into a scratch database on {where}, "
        "where the pending files are tried; it is dropped afterwards"
    )


def cleaned(orphans: Orphans) -> str:
    """What became of a relation's orphans."""
    left = f", {rows(orphans.left)} left alone" if orphans.left else ""
    done = f"{rows(orphans.cleaned)} {BECOMES[orphans.action]}"
    if orphans.pointed:
        done += f", {rows(orphans.pointed)} pointed at those that stay"
    return f"{orphans.relation}: {done}, {rows(orphans.archived)} archived (run {orphans.run}){left}"


def unconfirmed(event: Unconfirmed) -> str:
    """What a commit that no standby has confirmed means."""
    why = f" ({event.standbys})" if event.standbys else ""
    return (
        f"{event.id or 'what was done'} is committed on this server, and no synchronous standby has confirmed it{why}: "
        "it would be lost with this server. It counts as done; running again does not wait for it."
    )


def progress(event: Progress | BatchCleaned | BatchFilled) -> Progress:
    """How far something is, as a bar shows it."""
    if isinstance(event, Progress):
        return event
    if isinstance(event, BatchFilled):
        return _of_a_backfill(event)
    becomes = BECOMES[event.action]
    words = f"{event.done:,} of {rows(event.found)}, {event.cleaned:,} {becomes}, {event.rate:,.0f} a second"
    if event.done < event.found:
        words += f", {timedelta(seconds=round(event.left))} left"
    return Progress(event.relation, words, event.done, event.found)


def filled(backfill: Filled) -> str:
    """What a backfill has come to."""
    batches = counted(backfill.batches, "batch", "batches")
    passes = f" and {backfill.passes} passes" if backfill.passes > 1 else ""
    dead = counted(backfill.dead, "dead row") if backfill.dead else ""
    return (
        f"{rows(backfill.changed)} changed, {backfill.walked:,} walked over, in {batches}{passes}; meanwhile "
        f"the server wrote {size(backfill.wal)} of WAL"
        f"{f', and the table has {dead}, which autovacuum takes away' if dead else ''}"
    )


def _of_a_backfill(event: BatchFilled) -> Progress:
    words = f"{event.done:,} of about {rows(event.total)}" if event.done < event.total else rows(event.done)
    words += f" walked over, {event.changed:,} changed, {event.rate:,.0f} a second"
    if event.passes > 1:
        words = f"pass {event.passes}: {words}"
    if event.done < event.total and event.rate:
        words += f", {timedelta(seconds=round(event.left))} left"
    return Progress(event.id, words, event.done, event.total)
