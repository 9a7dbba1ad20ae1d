"""The verb switch: development's way from one branch to another, with the rows that both have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlrail.engine.backend import Backend
from sqlrail.engine.code import dropping
from sqlrail.errors import Refused, SqlrailError
from sqlrail.files.folder import read_files
from sqlrail.ground.events import Listener, RolledBack, Said, TakingBack, Warned
from sqlrail.ground.settings import Settings
from sqlrail.verbs.apply import Migrated, migrate
from sqlrail.verbs.expendable import raise_unless_named_so, raise_unless_stamped_so
from sqlrail.verbs.rollback import Rollback, take_back, telling
from sqlrail.verbs.switch_look import RESET, Looked, look, refuse_uncommitted

if TYPE_CHECKING:
    from sqlrail.results.switch import SwitchResult
    from sqlrail.verbs.rollback_losses import Foreseen

#: differences that are said
SHOWN = 10


@dataclass(frozen=True)
class Would:
    """What a switch would do."""

    roll_back: tuple[tuple[str, Foreseen], ...]  # ids, the newest first
    apply: tuple[str, ...]
    drop_code: tuple[str, ...]
    run_code: tuple[str, ...]


@dataclass(frozen=True)
class Switched:
    """What was taken back, newest first, and what was applied then; of a dry run what would be."""

    still_applied: int
    rolled_back: tuple[RolledBack, ...] = ()
    code_dropped: tuple[str, ...] = ()
    migrated: Migrated | None = None
    would: Would | None = None
    kept: tuple[str, ...] = ()  # ids of what is taken back by what was kept, which is all

    def as_json(self) -> SwitchResult:
        """The same for scripts; seconds are wall time."""
        would = self.would or Would((), (), (), ())
        back = Rollback(self.rolled_back, self.still_applied, self.kept, would.roll_back).as_json()
        applied = self.migrated.as_json() if self.migrated else None
        return {
            "rolled_back": back["rolled_back"],
            "applied": applied["applied"] if applied else [],
            "still_applied": self.still_applied,
            "code_dropped": list(self.code_dropped),
            "code": applied["code"] if applied else [],
            "dry_run": self.would is not None,
            "would_roll_back": back["would_roll_back"],
            "would_apply": list(would.apply),
            "would_drop_code": list(would.drop_code),
            "would_run_code": list(would.run_code),
        }


def switch(
    settings: Settings,
    listener: Listener,
    *,
    allow_dirty: bool = False,
    accept_differences: bool = False,
    dry_run: bool = False,
    counts: bool = True,
) -> Switched:
    """Takes back what is applied and not in the folder, or edited there, by what was kept; then applies the rest of it.

    For development and tests only, by settings and by stamp. It is rehearsed first: Refused, with nothing changed,
    where that fails, or ends otherwise than the folder's files build; accept_differences lets the latter pass.
    allow_dirty: files may differ from what git has committed. dry_run: it is only said, with the live rows that would
    be lost; counts: whether those are counted. Interrupted anywhere, the next one goes on.
    SqlrailError lists in `rolled_back` and `applied` what was committed before it.
    """
    raise_unless_named_so(settings, "switch")
    if not allow_dirty:
        refuse_uncommitted(settings.migrations)
    migrations, files = read_files(settings.migrations)
    with Backend(settings, telling(listener), files) as backend:
        raise_unless_stamped_so(backend, settings, "switch")
        looked = look(backend, migrations)
        for record in looked.going:
            text = looked.ways.files[record.id].content().decode(errors="replace")
            listener(TakingBack(record.id, text, record.id in looked.edited))
        losses = _rehearse(backend, listener, looked, dry_run, accept_differences, counts)
        if dry_run:
            return _would(looked, losses)
        _say(listener, looked)
        if looked.goes.order:
            dropping.drop(backend, looked.goes, looked.forgotten)
        done = take_back(backend, migrations, looked.going, looked.ways)
    migrated = _apply(settings, listener, looked, done)
    return Switched(
        len(looked.stays), done, tuple(sorted(looked.goes.names)), migrated, kept=looked.ways.kept
    )


def _rehearse(
    backend: Backend, listener: Listener, looked: Looked, dry_run: bool, accepts: bool, counts: bool
) -> tuple[Foreseen, ...]:
    if not looked.takes_back:
        return ()
    from sqlrail.verbs.switch_rehearsal import rehearse  # where nothing is taken back, nothing is rehearsed

    found = rehearse(backend, listener, looked, asks_losses=dry_run, is_counted=counts)
    if found.differences:
        more = len(found.differences) - SHOWN
        lines = [f"  {line}" for line in found.differences[:SHOWN]] + [f"  and {more} more"][: max(more, 0)]
        what = "the database would end otherwise than this folder's files build it:"
        if not accepts:
            failure = Refused(
                f"switch is refused: {what}",
                *lines,
                "If it is so before the switch (`drift` in the branch that the database is of), mend that first; "
                f"--accept-differences goes on all the same, and {RESET}. Nothing was changed.",
            )
            failure.details["differences"] = list(found.differences)
            raise failure
        listener(Warned("\n".join([f"accepted by --accept-differences: {what}", *lines])))
    return found.losses


def _would(looked: Looked, losses: tuple[Foreseen, ...]) -> Switched:
    would = Would(
        tuple(zip([record.id for record in looked.going], losses, strict=True)),
        tuple(migration.id for migration in looked.due),
        tuple(sorted(looked.goes.names)),
        tuple(looked.code_due),
    )
    return Switched(len(looked.stays), would=would, kept=looked.ways.kept)


def _say(listener: Listener, looked: Looked) -> None:
    parts = {
        "drop what was made by": [f"code/{name}" for name in sorted(looked.goes.names)],
        "take back": [record.id for record in looked.going],
        "apply": [migration.id for migration in looked.due],
        "run": [f"code/{name}" for name in looked.code_due],
    }
    if said := "; ".join(f"{what} {', '.join(names)}" for what, names in parts.items() if names):
        listener(Said(f"to do: {said}"))


def _apply(settings: Settings, listener: Listener, looked: Looked, done: tuple[RolledBack, ...]) -> Migrated:
    """Applies what is pending, though some of it may come before what stays: it was rehearsed so."""
    try:
        migrated = migrate(
            settings, listener, allowed=("late",), read=lambda _: (looked.migrations, dict(looked.files))
        )
    except SqlrailError as exc:
        exc.rolled_back = [it.id for it in done]
        raise
    if migrated.ahead:
        failure = Refused(
            f"somebody else has applied {', '.join(migrated.ahead)} meanwhile, so nothing of this folder was applied: "
            "run again."
        )
        failure.rolled_back = [it.id for it in done]
        raise failure
    return migrated
