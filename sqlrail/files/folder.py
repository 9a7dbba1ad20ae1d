"""The folder of migrations: yoyo's list of them, in its order, and our reading of each."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from yoyo.exceptions import BadMigration, MigrationConflict
from yoyo.migrations import Migration, MigrationList, PostApplyHookMigration, topological_sort
from yoyo.topologicalsort import CycleError

from sqlrail.errors import BadFile, UsageError
from sqlrail.files import other_tools
from sqlrail.files.code import Code, read_code
from sqlrail.files.file import ONLY_SQL, ROLLBACK, File, read_file
from sqlrail.files.numbering import NUMBER, number

#: what names of files begin with that yoyo's `new` has not finished
YOYO_DRAFT = "_tmp_yoyonew"
#: a file that says which others are being renamed, while they are
RENAMING = ".sqlrail-renaming.json"


class Migrations(MigrationList):  # type: ignore[misc]
    """yoyo's list, with the code files that are run behind all of them."""

    def __init__(
        self,
        items: Iterable[Migration] = (),
        post_apply: Iterable[Migration] = (),
        code: Sequence[Code] = (),
    ) -> None:
        super().__init__(list(items), list(post_apply))
        self.code = tuple(code)

    def replace(self, newmigrations: Iterable[Migration]) -> Migrations:
        """Others, with the same that is run behind them."""
        return Migrations(newmigrations, self.post_apply, self.code)


def read_files(folder: Path) -> tuple[Migrations, dict[str, File]]:
    """yoyo's list of the folder's migrations, in its order, and our reading of each by id."""
    if not folder.is_dir():
        raise UsageError(
            f"there is no folder {folder}; {_other_folder()}or make it, and the first file, with `new NAME`."
        )
    try:
        migrations = _listed(folder)
    except UnicodeEncodeError as exc:
        raise BadFile(f"{folder}: the name {exc.object!a} is not UTF-8; rename that file.") from exc
    except MigrationConflict as exc:  # 001_x.sql and 001_x.py
        raise BadFile(f"{folder / f'{exc}.py'}: {ONLY_SQL}") from exc
    except OSError as exc:
        raise BadFile(f"{folder} cannot be read: {exc.strerror}.") from exc
    if not migrations:
        if tool := other_tools.folder_of(folder):
            raise UsageError(
                f"{folder} has the form of {tool}, which is not read here; {other_tools.PAGE} says how to switch."
            )
        raise UsageError(f"{folder} holds no migration; make the first with `new NAME`.")
    everything = [*migrations, *migrations.post_apply]
    files = {migration.id: read_file(Path(migration.path)) for migration in everything}
    by_id = {migration.id: migration for migration in everything}
    for migration in everything:
        _load(migration, files[migration.id], by_id)
    ordered = _ordered(migrations, files, folder)
    return Migrations(ordered, ordered.post_apply, read_code(folder)), files


def _ordered(migrations: MigrationList, files: dict[str, File], folder: Path) -> MigrationList:
    """As yoyo runs them: by their names, and none before what it depends on."""
    if not any(file.depends for file in files.values()):
        return migrations
    try:
        ordered = list(topological_sort(migrations))
    except BadMigration as exc:
        raise BadFile(f"{folder}: {exc}.") from exc
    except CycleError as exc:  # what yoyo 9.0.0 lets through
        circle = ", ".join(sorted({migration.id for migration in exc.args[1]}))
        raise BadFile(f"{folder}: what they say they depend on runs in a circle: {circle}.") from exc
    return MigrationList(ordered, migrations.post_apply)


def _other_folder() -> str:
    """How to name another folder: one of the usual ones that is here, where there is one."""
    found = next((name for name in other_tools.USUAL if any(Path(name).glob("*.sql"))), None)
    if found is None:
        return "name the migrations' folder with --migrations DIR, "
    return f"there is {found}: name it with `--migrations {found}`, take it over with `adopt {found}`, "


def _listed(folder: Path) -> MigrationList:
    """The list that yoyo's read_migrations() makes, which globs its argument, and asks three times for each name."""
    migrations, post_apply = list[Migration](), list[Migration]()
    with os.scandir(folder) as listing:
        names = sorted(
            entry.name
            for entry in listing
            if entry.name.endswith((".sql", ".py", RENAMING))
            and not entry.name.startswith(YOYO_DRAFT)
            and entry.is_file()
        )
    if RENAMING in names:
        raise BadFile(f"{folder / RENAMING}: a renumber was interrupted; `renumber` finishes it.")
    for name in names:
        id_ = name.rpartition(".")[0]
        if not id_ or name.endswith(ROLLBACK):  # yoyo takes no suffix for that of a name without more
            continue
        is_after = id_.startswith("post-apply")
        kind = PostApplyHookMigration if is_after else Migration
        (post_apply if is_after else migrations).append(kind(id_, f"{folder}/{name}", source_dir=str(folder)))
    return MigrationList(migrations, post_apply)


class Reading:
    """Reads a folder once for each thread, for many databases: what is read is changed while it is worked with."""

    def __init__(self) -> None:
        self._own = threading.local()

    def __call__(self, folder: Path) -> tuple[MigrationList, dict[str, File]]:
        """As read_files()."""
        read = self._own.__dict__
        if str(folder) not in read:
            read[str(folder)] = read_files(folder)
        found: tuple[MigrationList, dict[str, File]] = read[str(folder)]
        return found


def _load(migration: Any, file: File, by_id: dict[str, Any]) -> None:
    # What yoyo's own load() would set, without sqlparse (2 s for 1,000 small files) and without its
    # registry of ids, which mixes up folders. A list of steps is how yoyo sees that a migration is loaded.
    migration.steps = []
    migration.use_transactions = file.transactional
    # Those without a file may have a record: problems.py knows.
    migration._depends = {by_id[name] for name in file.depends if name in by_id}


def up_to(migrations: MigrationList, to: str | None) -> MigrationList:
    """Those up to one that is named as for resolve(), or all."""
    if to is None:
        return migrations
    order = [migration.id for migration in migrations]
    return migrations.replace(list(migrations)[: order.index(resolve(to, order, "--to")) + 1])


def resolve(given: str, ids: Collection[str], origin: str) -> str:
    """The migration that is meant by its name, its file, or its number alone where no other has it; else UsageError."""
    name = Path(given).name.removesuffix(".sql")
    if given in ids or name in ids:
        return given if given in ids else name
    found = [id_ for id_ in ids if NUMBER.fullmatch(given) and number(id_) == number(given)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{origin} is '{given}': {' and '.join(found)} have that number; give a whole name.")
    from difflib import get_close_matches

    near = [id_ for id_ in ids if name and name in id_][:3] or get_close_matches(name, ids, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else "`status` lists them."
    raise UsageError(f"{origin} is '{given}': there is no migration of that name; {hint}")
