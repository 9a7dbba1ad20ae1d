"""What takes migrations back: their rollback files, or what was kept of those when they were applied."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from psycopg import sql

from sqlrail.engine.backend import Backend
from sqlrail.errors import Refused
from sqlrail.files.file import ROLLBACK, File, check_files, read_rollback
from sqlrail.files.kept import LIMIT, PLACE, Kept
from sqlrail.ground.words import printable
from sqlrail.records.history import Record

#: why a migration may have nothing kept
NOTHING = (
    "nothing is kept to take {} back (it had no rollback when it was applied, or one of more than "
    f"{LIMIT >> 10} kB; or it was baseline, plain yoyo or an older sqlrail that recorded it)"
)


class Ways(NamedTuple):
    """The rollbacks of migrations, by the ids of those, each checked; and which of them are no files."""

    files: dict[str, File]
    kept: tuple[str, ...]


class _Kept(NamedTuple):
    """What is kept for a migration, as it was read; the content only where that was asked for."""

    id: str
    transactional: bool
    depends: list[str]
    content: bytes | None
    digest: str | None

    def proven(self) -> Kept | None:
        """The same, if it is what the log has the digest of."""
        kept = Kept(self.content or b"", self.transactional, tuple(self.depends))
        return kept if kept.digest == self.digest else None


def find(
    backend: Backend,
    wanted: Sequence[Record],
    files: Mapping[str, File],
    ahead: Collection[str],
    *,
    stored: bool = False,
) -> Ways:
    """What takes these back; Refused, with all reasons, where one of them cannot be.

    stored: where a migration has no file here, what was kept with its record.
    """
    ways, obstacles = look(backend, wanted, files, ahead, stored=stored)
    if obstacles:
        raise Refused(f"rollback is refused: {'; '.join(obstacles)}. Nothing was rolled back.")
    check_files(ways.files.values())
    return ways


def look(
    backend: Backend,
    wanted: Sequence[Record],
    files: Mapping[str, File],
    ahead: Collection[str],
    *,
    stored: bool = False,
) -> tuple[Ways, list[str]]:
    """The same, not yet checked, as far as there is one; and the reasons for which there is none."""
    lacking = [record.id for record in wanted if record.id not in files]
    ways, obstacles, kept = dict[str, File](), list[str](), dict[str, _Kept]()
    if stored and lacking:
        if reason := _distrust(backend):
            return Ways({}, ()), [reason]
        kept = _read(backend, lacking)
    for record in wanted:
        found = (
            _of_file(record, files[record.id])
            if record.id in files
            else _of_kept(record.id, kept.get(record.id), record.id in ahead, stored=stored)
        )
        if isinstance(found, File):
            ways[record.id] = found
        else:
            obstacles.append(found)
    obstacles += _left_behind({record.id for record in wanted}, files, kept.values())
    return Ways(ways, tuple(id_ for id_ in ways if id_ not in files)), obstacles


def _of_file(record: Record, file: File) -> File | str:
    """The rollback beside a migration's file, or why it cannot be taken."""
    if not record.is_of(file):
        return (
            f"{file.path} was edited since it was applied, and its rollback may not fit (look at both; "
            "`repair` accepts the file as it is)"
        )
    way = read_rollback(file)
    if way is None:
        rollback = file.path.with_suffix(ROLLBACK)
        return f"{file.id} has no rollback (restore a backup, or write {rollback} and say `rollback` again)"
    if way.is_draft:
        return f"{way.path} is a draft without a statement (fill it)"
    way.transactional = file.transactional  # as yoyo has it
    return way


def _of_kept(id_: str, kept: _Kept | None, is_ahead: bool, *, stored: bool) -> File | str:
    """What was kept of a migration's rollback, or why it cannot be taken."""
    if not stored:
        if is_ahead:
            return (
                f"{id_} is ahead of this folder (roll it back with the files of its release, or with --stored by what "
                "was kept of them)"
            )
        return (
            f"the file of {id_} is missing (bring it back, or say --stored for what was kept of its rollback)"
        )
    if kept is None:
        return NOTHING.format(id_)
    proven = kept.proven()
    if proven is None:
        return (
            f"what is kept in {PLACE} to take {id_} back is not what was written when it was applied: somebody has "
            "changed it, or its digest in yoyo's log (take its rollback from the files of its release)"
        )
    way = proven.as_file(id_)
    return f"what is kept to take {id_} back is a draft without a statement" if way.is_draft else way


def _left_behind(going: Collection[str], files: Mapping[str, File], kept: Iterable[_Kept]) -> list[str]:
    """Whoever stays, and depends on what goes, as far as that is kept: of files yoyo's order takes care."""
    return [
        f"{it.id} depends on {name}, and would stay" for it in kept for name in it.depends
        if name in going and it.id not in going and it.id not in files
    ]  # fmt: skip


def _distrust(backend: Backend) -> str | None:
    """Why what is kept cannot be used, if it cannot."""
    if not backend.keeps_rollbacks and backend.has_rollbacks:
        return (
            f"what is kept to take migrations back is in {PLACE}, which is another role's (let its owner run this, or "
            "use the files of the release)"
        )
    if not backend.keeps_rollbacks:
        return None
    records = sql.Identifier(backend.schema or "", backend.migration_table).as_string()
    if writers := [printable(name) for (name,) in backend.look_up("rollback_writers", records_named=records)]:
        return (
            f"{', '.join(writers)} may write what is kept in {PLACE} to take migrations back, and so run anything as "
            "this role (take that right away, and use the files of the release)"
        )
    return None


def _read(backend: Backend, ids: Sequence[str]) -> dict[str, _Kept]:
    """What is kept for all that is recorded, with the content of these."""
    if not backend.keeps_rollbacks:
        return {}
    return {row[0]: _Kept(*row) for row in backend.look_up("kept_rollbacks", ids=[*ids])}
