"""The verb adopt: another tool's files become files of ours, and what its history says has run is recorded."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from psycopg import errors as pg
from psycopg import sql
from yoyo.migrations import MigrationList, get_migration_hash

from sqlrail.adopting import converting, recognising
from sqlrail.adopting.history import Row, check_contents, runs
from sqlrail.adopting.placing import Place, edited, placed
from sqlrail.adopting.recognising import TOOLS, History
from sqlrail.adopting.tool import whole
from sqlrail.engine.backend import Backend
from sqlrail.errors import MigrationFailed, Refused, SqlrailError, UsageError
from sqlrail.files.file import File, check_files
from sqlrail.files.folder import read_files
from sqlrail.ground.events import Listener, Said
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import printable
from sqlrail.postgres.connect import Connection
from sqlrail.records import problems
from sqlrail.records.history import Record
from sqlrail.schema.catalog import read
from sqlrail.schema.sides import Choice
from sqlrail.scratch.provided import Provided
from sqlrail.scratch.scratch import NoScratch
from sqlrail.verbs.adopted import Adopted, Taken
from sqlrail.verbs.baseline import NOTHING_BUILT, SHOWN, builds_nothing, refuse_records
from sqlrail.verbs.drift import FILES, build, compared, lines_of

#: characters of a version in the log, where its checksum has to have room too
VERSION = 120
ALL_THE_SAME = "--accept-differences records them all the same, and logs that. Nothing was changed."
#: what is compared: all that `drift` compares
ALL = Choice()


def adopt(
    settings: Settings,
    listener: Listener,
    source: Path | None,
    *,
    dry_run: bool = False,
    files_only: bool = False,
    accept_differences: bool = False,
) -> Adopted:
    """Converts the files in `source` into the folder of the settings, and records what has run, with its time.

    The records are written in one transaction that keeps the other tool out. The folder is there as a whole, or not at
    all; that of the other tool is only read. Refused for a history that is not whole, and where the database is not
    what the files that have run build, unless that is accepted, and logged. Files that the folder has already count as
    they are there. dry_run: only finds out whether it would be refused; files_only: only writes the folder.
    """
    target = settings.migrations
    found = recognising.look(source or _usual(target), target)
    with Backend(settings, listener) as backend:
        backend.raise_if_old()
        refuse_records("adopt", backend.records)
        history = recognising.choose(found, _histories(backend))
        rows = _rows(backend, history)
        taken = tuple(_taken(found, history, rows))
        adopted = Adopted(history, found.folder.path, target, taken)
        with placed(target, adopted.converted) as place, place.named(found.folder.path):
            if files_only:
                place.take()
                return replace(adopted, written=place.is_new)
            taking = _Taking(backend, place, adopted, rows, accept_differences)
            return taking.looked_at() if dry_run else taking.done()


def _usual(target: Path) -> Path:
    """The one usual folder that is there, and has another tool's files; UsageError where that is none, or several."""
    looks = {path: _is_signed(path, target) for path in recognising.usual(Path())}
    signed = [path for path, is_signed in looks.items() if is_signed]
    # Files that say of no tool whose they are may be ours, in the folder that is to be made.
    others = [path for path, is_signed in looks.items() if is_signed is False]
    there = signed or [path for path in others if path != target] or others
    if len(there) == 1:
        return there[0]
    what = f"{' and '.join(map(str, there))} may be meant" if there else "none of the usual ones has any"
    raise UsageError(f"name the folder with the other tool's files, as in `adopt db/migrations`: {what}.")


def _is_signed(path: Path, target: Path) -> bool | None:
    """Whether the files in a folder say whose they are; None where there are none."""
    try:
        return bool(recognising.look(path, target).signed)
    except Refused:  # which is said when it is the one
        return True
    except SqlrailError:
        return None


def _histories(backend: Backend) -> list[History]:
    names = sorted({tool.table for tool in TOOLS})
    return recognising.histories(backend.look_up("other_histories", names=names, schemas=[]))


def _rows(backend: Backend, history: History) -> list[Row]:
    text = backend.message(history.tool.query, history=_table(history))
    return [Row(*row) for row in backend.ask(text)]


def _table(history: History) -> sql.Identifier:
    return sql.Identifier(history.schema, history.tool.table)


def _taken(found: recognising.Look, history: History, rows: Sequence[Row]) -> Iterator[Taken]:
    tool = history.tool
    sources = converting.ordered(tool, recognising.sources(tool, found.folder))
    run = runs(history, rows, sources)
    check_contents(history, run, sources)
    for one in converting.convert(tool, sources):
        yield Taken(one, run.get(one.key))


class _Taking:
    """One adoption: the files are built and compared first, then the other tool is kept out, and all is recorded."""

    def __init__(
        self, backend: Backend, place: Place, adopted: Adopted, rows: list[Row], accepted: bool
    ) -> None:
        self.backend, self.place, self.adopted, self.rows = backend, place, adopted, rows
        self.accepted, self.tool = accepted, adopted.history.tool.name
        migrations, self.files = read_files(place.folder)
        ids = {one.id for one in adopted.run}
        self.migrations = MigrationList([one for one in migrations if one.id in ids])
        self._check(migrations)

    def _check(self, migrations: MigrationList) -> None:
        """Refused for what `status` would refuse afterwards, BadFile for what a migrate would."""
        records = [
            Record(one.id, get_migration_hash(one.id), None, self.files[one.id].checksum)
            for one in self.migrations
        ]
        problems.refuse(problems.find(self.place.folder, migrations, self.files, records)[1])
        check_files(self.files[one.id] for one in self.adopted.taken)

    def done(self) -> Adopted:
        """What was taken over."""
        differences = self._built(self._record_compared, self._record_uncompared)
        return replace(self._looked(differences), written=self.place.is_new, recorded=True)

    def looked_at(self) -> Adopted:
        """What would be taken over."""
        return replace(self._looked(self._built(self._compare, self._refuse_uncompared)), dry_run=True)

    def _looked(self, differences: tuple[str, ...]) -> Adopted:
        there = edited(self.place.folder, self.adopted.converted)
        return replace(self.adopted, edited=tuple(one.id for one in there), differences=differences)

    def _built(
        self,
        compared: Callable[[Connection, Sequence[Provided]], tuple[str, ...]],
        uncompared: Callable[[str], tuple[str, ...]],
    ) -> tuple[str, ...]:
        """What is made of the files that have run, built on a scratch database, or of why there is none."""
        self._try_to_hold()

        def look(built: Connection, provided: Sequence[Provided]) -> tuple[str, ...]:
            if builds_nothing(read(built, self.backend.settings)):
                return uncompared(NOTHING_BUILT)
            return compared(built, provided)

        try:
            return build(self.backend.settings, self.backend.listener, self.migrations, self.files, look)
        except NoScratch as exc:
            return uncompared(str(exc))
        except MigrationFailed as exc:
            return uncompared(f"They do not build on a scratch database: {exc}")

    def _compare(self, built: Connection, provided: Sequence[Provided]) -> tuple[str, ...]:
        differences = self._differences(built, provided)
        if differences:
            self._refuse_or_say(
                f"the database is not what the files build that {self.tool} has run:",
                differences,
                f"Mend the database, or write what is missing into a new migration of {self.tool}'s and run that; "
                f"{ALL_THE_SAME}",
            )
        return differences

    def _refuse_uncompared(self, why: str) -> tuple[str, ...]:
        what = f"the database was not compared with what the files build that {self.tool} has run. {why}"
        self._refuse_or_say(what, (), ALL_THE_SAME)
        return (what,)

    def _record_compared(self, built: Connection, provided: Sequence[Provided]) -> tuple[str, ...]:
        differences = self._compare(built, provided)
        with self._holding():
            if self._differences(built, provided) != differences:
                raise Refused(
                    "the database has changed while it was compared; run again. Nothing was recorded."
                )
            self._record(differences)
        return differences

    def _record_uncompared(self, why: str) -> tuple[str, ...]:
        differences = self._refuse_uncompared(why)
        with self._holding():
            self._record(differences)
        return differences

    @contextmanager
    def _holding(self) -> Iterator[None]:
        """The transaction in which all is recorded; the folder takes its name before that is committed."""
        with self.place.or_back(), self.backend.locked():
            self._hold()
            yield
            self.place.take()

    def _differences(self, built: Connection, provided: Sequence[Provided]) -> tuple[str, ...]:
        found, _ = compared(built, self.backend.settings, ALL, provided)
        return tuple(f"{printable(one.home)} {line}" for one in found for line in lines_of(one, FILES))

    def _refuse_or_say(self, what: str, differences: Sequence[str], remedy: str) -> None:
        more = len(differences) - SHOWN
        lines = [f"  {line}" for line in differences[:SHOWN]]
        if more > 0:
            lines.append(f"  and {more:,} more (--json has them)")
        if self.accepted:
            self.backend.listener(
                Said("\n".join([f"warning: accepted by --accept-differences: {what}", *lines]))
            )
            return
        failure = Refused(f"adopt is refused: {what}", *lines, remedy)
        failure.details["differences"] = list(differences) or [what]
        raise failure

    def _try_to_hold(self) -> None:
        """Refused where somebody is at work, before anything is made here."""
        backend = self.backend
        backend.raise_if_standby()
        backend.ask(backend.message("begin") + backend.limits(None) + backend.message("ours"))
        try:
            self._keep_out()
        finally:
            backend.undo()

    def _hold(self) -> None:
        """Keeps the other tool out until the end of the transaction; Refused where that has gone on meanwhile."""
        self._keep_out()
        self.backend.read_history()
        refuse_records("adopt", self.backend.records)
        if _rows(self.backend, self.adopted.history) != self.rows:
            history = self.adopted.history
            raise Refused(
                f"{history.tool.name} has run meanwhile: {history.table} has changed; run again. Nothing was recorded."
            )

    def _keep_out(self) -> None:
        history, backend = self.adopted.history, self.backend
        numbers = [*history.tool.locks(backend.database, history.schema)]
        try:
            ((is_free,),) = backend.ask(
                backend.message("adopt_lock", history=_table(history), numbers=numbers)
            )
        except pg.LockNotAvailable:
            is_free = False
        except pg.InsufficientPrivilege as exc:
            table, role = _table(history).as_string(backend.connection), backend.connection.info.user
            raise Refused(
                f"the role {role} may not lock {history.table}, and so not keep {history.tool.name} out meanwhile. "
                f"GRANT UPDATE ON {table} TO {role} lets it. Nothing was changed."
            ) from exc
        if not is_free:
            raise Refused(
                f"{history.tool.name} is at work on {backend.database}: its lock, or {history.table}, is in use. Let "
                "it end, and run again. Nothing was changed."
            )

    def _record(self, differences: Sequence[str]) -> None:
        """Writes all records in one message, in their order."""
        backend, taken = self.backend, {one.id: one for one in self.adopted.run}
        text = backend.stamping()
        for migration in self.migrations:
            one, file = taken[migration.id], self.files[migration.id]
            text += self._record_of(one, file, migration.hash) + backend.log_entry(
                one.id, None, "adopt", self._origin(one)
            )
        if differences:
            accepted = "; ".join(differences)[:255].encode(errors="backslashreplace").decode()
            text += backend.log_entry(self.migrations[-1].id, None, "accept", accepted[:255])
        backend.ask(text)

    def _record_of(self, one: Taken, file: File, hash_: str) -> bytes:
        at = one.run.at if one.run else None
        named = {"hash": hash_, "id": one.id, "entry": str(uuid.uuid4()), "checksum": file.checksum}
        return self.backend.message(
            "adopt_record", **named, applied_at=None if at is None else at.isoformat()
        )

    def _origin(self, one: Taken) -> str:
        """What the log says of where it comes from: the tool, the version, and what its file was."""
        kept = one.run and one.run.kept
        if kept is None:
            kept = f"sha256:{hashlib.sha256(whole(one.converted.source.path)).hexdigest()}"
        return f"{self.adopted.history.tool.name} {one.converted.source.version[:VERSION]} {kept}"
