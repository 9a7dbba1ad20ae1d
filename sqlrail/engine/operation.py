"""What is done with files: the engine runs them for an operation, which is passed in."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Protocol

from yoyo.migrations import MigrationList

from sqlrail.engine.news import Applied
from sqlrail.engine.store import Store
from sqlrail.errors import Refused
from sqlrail.files.file import File
from sqlrail.files.kept import Kept
from sqlrail.files.pieces import Piece
from sqlrail.postgres.connect import Connection

if TYPE_CHECKING:
    from sqlrail.ground.constraint import Constraint
    from sqlrail.records.post_apply import PostApplyRun


class Observer(Protocol):
    """Whoever looks at each statement of the files that run."""

    def begins(self, file: File) -> None:
        """The file's transaction is open."""

    def cleaned(self, file: File, relation: Constraint) -> None:
        """A relation was cleaned in front of the file."""

    def parted(self, file: File, code: Collection[str]) -> None:
        """What these code files have made was dropped in front of the file, to be made again behind it."""

    def passes_over(self, file: File, piece: Piece) -> bool:
        """Whether a piece is not to be sent."""

    def ran(self, file: File, piece: Piece) -> None:
        """A piece was sent and went well."""

    def ends(self, file: File) -> None:
        """All of the file has run, in its transaction."""

    def run_outside(self, worker: Connection, file: File) -> None:
        """Runs the statements of a file outside a transaction in place of the engine."""


class Operation(Protocol):
    """Apply, roll back, seed, build, rehearse: how the records tell that a file is done, and what is written of it."""

    @property
    def name(self) -> str:
        """What the checkpoints of files outside a transaction are kept under."""

    @property
    def may_go_together(self) -> bool:
        """Whether a small file may go in one message with the closing of the one before."""

    @property
    def fills(self) -> bool:
        """Whether a backfill is run batch by batch; else it is a file like others, with one batch of all rows."""

    @property
    def observer(self) -> Observer | None:
        """Whoever looks at each statement."""

    def question(self, store: Store, hash_: str) -> bytes:
        """What is asked under the lock before a file is run, and after the answer to its COMMIT was lost."""

    def is_done(self, hash_: str, file: File | None, answered: Any) -> bool:
        """Whether the answer says that nothing is left to do.

        Refused where the file that comes next does not fit what is there any more.
        """

    def look_again(self) -> bool:
        """Called with the lock in hand where another runner had it before, and may have changed the history.

        False if nothing is to be run any more.
        """

    def guard(self, store: Store) -> bytes:
        """What is checked behind a file's last statement, in its transaction; outside one, behind each statement."""

    def record(self, store: Store, file: File, hash_: str, *, marks: bool) -> tuple[bytes, ...]:
        """What writes that a file ran, see Store.record; without marks, into the log alone."""

    def stands(self, done: Applied, recorded: Collection[str]) -> bool:
        """Whether what was done still shows in the ids that are recorded."""

    def found_done(self, id_: str) -> None:
        """Somebody else has done it meanwhile."""


class Apply:
    """Runs migrations forward, and records each."""

    name = "apply"
    may_go_together = True
    fills = True
    observer: Observer | None = None

    def __init__(
        self,
        migrations: MigrationList,
        newest: str | None = None,
        late: Collection[str] = (),
        look_again: Callable[[], bool] = lambda: True,
    ) -> None:
        """newest: hash of the last one, in yoyo's order, that is applied; late: ids that the log shall tell apart."""
        hashes = [migration.hash for migration in migrations]
        self._before = dict(zip(hashes, [newest, *hashes], strict=False))
        self._late, self._look_again = late, look_again
        self._is_over = False  # as it was when somebody looked again

    def question(self, store: Store, hash_: str) -> bytes:
        return store.message("_applied", hash=hash_, before=self._before.get(hash_))

    def is_done(self, hash_: str, file: File | None, answered: Any) -> bool:  # noqa: ARG002
        if self._is_over:
            return True
        if answered is None and file is not None:
            raise Refused(
                f"a migration was rolled back while this run was under way, so {file.id}, which comes after it, was "
                "not run. Look at `status`, and run again."
            )
        return bool(answered)

    def look_again(self) -> bool:
        self._is_over = not self._look_again()
        return not self._is_over

    def guard(self, store: Store) -> bytes:  # noqa: ARG002
        return b""

    def record(self, store: Store, file: File, hash_: str, *, marks: bool) -> tuple[bytes, ...]:
        operation = "apply-late" if file.id in self._late else "apply"
        name = "record" if marks else "log"
        kept = Kept.of(file) if marks and store.place.keeps_rollbacks else None
        return store.record(name, file.id, hash_, operation, file.checksum, kept)

    def stands(self, done: Applied, recorded: Collection[str]) -> bool:
        return done.id in recorded

    def found_done(self, id_: str) -> None:
        """Nothing: it counts as applied."""


class PostApply(Apply):
    """Runs files that run behind migrations where nothing else is to be run: each unless somebody has run it since."""

    may_go_together = False

    def __init__(self, runs: Collection[PostApplyRun]) -> None:
        """runs: how each was run last, as it was looked at."""
        super().__init__(MigrationList())
        self._entries = {run.hash: run.entry for run in runs}

    def question(self, store: Store, hash_: str) -> bytes:
        return store.message("_post_apply_run", hash=hash_)

    def is_done(self, hash_: str, file: File | None, answered: Any) -> bool:  # noqa: ARG002
        return bool(answered != self._entries.get(hash_))
