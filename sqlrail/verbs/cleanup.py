"""The verb cleanup: the orphans of every relation that is known, found first and then cleaned in one transaction."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import psycopg
from psycopg import sql

from sqlrail.engine.backend import Backend
from sqlrail.errors import DatabaseFailed, Refused, UsageError
from sqlrail.files.folder import read_files
from sqlrail.ground.check import Check
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.events import Listener, Said
from sqlrail.ground.relation import Relation
from sqlrail.ground.settings import Settings
from sqlrail.ground.unique import Unique, knowing
from sqlrail.orphans import ahead, guards, kinds, prepare, script, survey
from sqlrail.orphans import clean as orphans
from sqlrail.orphans.ahead import Taken
from sqlrail.orphans.cleaned import Cleaned, in_their_turn, may_be_parallel
from sqlrail.postgres import wire

if TYPE_CHECKING:
    from sqlrail.results.cleanup import CleanupResult, PrintedResult

T = TypeVar("T")

#: relations that are looked at in one transaction: each keeps a lock on its tables and their indexes for as long
TOGETHER = 200


@dataclass(frozen=True)
class Cleanup:
    """What a cleanup found and did; a run of None changed nothing."""

    run: int | None
    dry_run: bool
    relations: tuple[Cleaned, ...]

    @property
    def undecided(self) -> tuple[Cleaned, ...]:
        """Those with orphans that were left, because nobody has said what shall become of them."""
        return tuple(one for one in self.relations if one.is_undecided and one.refusals)

    def as_json(self) -> CleanupResult:
        """The same for scripts."""
        return {
            "run": self.run,
            "dry_run": self.dry_run,
            "relations": [one.as_json() for one in self.relations],
        }


class Printed(NamedTuple):
    """A cleanup as a script for psql, and the relations that are left out, because nobody has decided them."""

    sql: str
    undecided: tuple[Cleaned, ...]

    def as_json(self) -> PrintedResult:
        """The same for scripts."""
        return {"sql": self.sql}


def cleanup(
    settings: Settings,
    listener: Listener,
    named: Sequence[Constraint] | None = None,
    *,
    every: bool = False,
    dry_run: bool = False,
) -> Cleanup:
    """Archives the orphans of the named relations, or of all that are known, and deletes them or sets their columns.

    Parents go before their children. All in one transaction: Refused, by the guard of one, has changed nothing; but
    relations that were not named, and that nobody has decided, are left alone. A dry run only looks.
    """
    with Backend(settings, listener) as backend:
        relations = wanted(backend, named, every=every)
        seen = look(backend, relations, closely=dry_run)
        say_published(listener, seen)
        if dry_run:
            told = in_their_turn(("", one) for one in seen)
            return Cleanup(None, True, in_order(told, relations))
        decided = check(seen, named)
        say_found(listener, decided)
        done = {one.relation: one for one in (*seen, *_clean_all(backend, decided))}.values()
        return Cleanup(next((one.run for one in done if one.run), None), False, in_order(done, relations))


def print_sql(
    settings: Settings, listener: Listener, named: Sequence[Constraint] | None = None, *, every: bool = False
) -> Printed:
    """What a cleanup of the relations would send.

    Refused where a cleanup would be.
    """
    with Backend(settings, listener) as backend:
        relations = wanted(backend, named, every=every)
        seen = look(backend, relations, closely=False, wholly=True)
        decided = [one for one in check(seen, named) if not one.skipped]
        text = script.script(
            backend, backend.message("begin") + backend.limits(None) + backend.message("ours"), decided
        )
        return Printed(text, Cleanup(None, False, in_order(seen, relations)).undecided)


def wanted(backend: Backend, named: Sequence[Constraint] | None, *, every: bool) -> list[Constraint]:
    """The named relations, or all that are known; one in several spellings is there once.

    UsageError where the same is named with two actions.
    """
    if not named:
        return known(backend, every=every)
    return _distinct(backend, named, agreeing=True)


def known(backend: Backend, *, every: bool = False) -> list[Constraint]:
    """The relations that the migrations declare, and those of foreign keys that are not validated, or of every key.

    One relation in several spellings is there once. Refused if there is none.
    """
    declared = _declared(backend)
    with _explained(backend, "the look at the foreign keys"):
        visible = {
            name: wire.named(backend.connection, sql.SQL(f"quote_ident({name}.relname)"))
            for name in ("child", "parent")
        }
        rows = backend.ask(
            backend.message("foreign_keys", every=every, only=backend.settings.tenant, **visible)
        )
    found = [
        Relation(
            (*filter(None, [child_schema]), child),
            tuple(columns),
            (*filter(None, [schema]), parent),
            tuple(keys),
            otherwise=None,
        )
        for child_schema, child, columns, schema, parent, keys in rows
    ]
    relations = _distinct(backend, [*declared, *found])
    if not relations:
        keys, more = ("", "") if every else (" that is not validated", ", or take every key's with --all")
        raise Refused(
            f"no migration in {backend.settings.migrations} declares a relation, and the database has no foreign key"
            f"{keys}: add `-- cleanup: child.column -> parent.key` to a migration, or name one with --relation "
            f"'child.column -> parent.key'{more}."
        )
    return relations


def _declared(backend: Backend) -> list[Constraint]:
    folder = backend.settings.migrations
    if not folder.is_dir():
        backend.tell(Said(f"there is no folder {folder}: only the database's foreign keys are looked at"))
        return []
    migrations, files = read_files(folder)
    for migration in migrations:
        flaws = [flaw for flaw in files[migration.id].flaws if flaw[1].startswith("cleanup:")]
        if flaws:
            files[migration.id].check()
    found = [one for migration in migrations for one in files[migration.id].relations()]
    # Where the file was applied, the database knows its check better.
    return [replace(one, is_applied=True) if isinstance(one, Check) else one for one in found]


def _distinct(
    backend: Backend, relations: Sequence[Constraint], *, agreeing: bool = False
) -> list[Constraint]:
    tables = list(dict.fromkeys(table for one in relations for table in one.tables))
    names = [sql.Identifier(*table).as_string() for table in tables]
    with _explained(backend, "the look for the tables"):
        rows = backend.ask(
            backend.message(
                "tables_named", names=names, named=wire.named(backend.connection, sql.SQL("name"))
            )
        )
    oids = dict(zip(tables, (oid for (oid,) in rows), strict=True))
    found: dict[object, Constraint] = {}
    for one in relations:
        place = (one.kind, *(oids[table] or table for table in one.tables), one.subject)
        first = found.setdefault(place, one)
        if agreeing and first.said and one.said and first.said != one.said:
            raise UsageError(
                f"--relation: {one} is named to {first.said} and to {one.said}: say one of them."
            )
        if one.said:  # a later file knows better
            found[place] = replace(first, said=one.said)
    return knowing(found.values())


def look(
    backend: Backend, relations: Iterable[Constraint], *, closely: bool, wholly: bool = False
) -> tuple[Cleaned, ...]:
    """A preview of each relation, those first whose children are parents of the others'.

    The facts of one without orphans are no more than a report needs, unless they are wanted wholly.
    """
    relations = list(relations)
    plain = {} if wholly else _sift(backend, relations)
    placing = not closely and not wholly
    together = partial(survey.previews, plain=plain, closely=closely, placing=placing)
    alone = partial(survey.preview, closely=closely, placing=placing)
    return in_turn(_look_at_all(backend, relations, together, alone))


def describe(backend: Backend, relations: list[Constraint]) -> tuple[Cleaned, ...]:
    """What the catalog says of each relation, and refuses, in the same order; no row is looked at."""
    return in_turn(_look_at_all(backend, relations, survey.describe_all, survey.describe))


def _sift(backend: Backend, relations: list[Constraint]) -> Mapping[Constraint, Cleaned]:
    return _together(backend, relations, survey.sift) or {}


def _look_at_all(
    backend: Backend,
    relations: list[Constraint],
    together: Callable[[Backend, list[Constraint]], list[Cleaned]],
    alone: Callable[[Backend, Constraint], Cleaned],
) -> list[Cleaned]:
    some = [relations[n : n + TOGETHER] for n in range(0, len(relations), TOGETHER)]
    return [one for each in some for one in _look_at_some(backend, each, together, alone)]


def _look_at_some(
    backend: Backend,
    relations: list[Constraint],
    together: Callable[[Backend, list[Constraint]], list[Cleaned]],
    alone: Callable[[Backend, Constraint], Cleaned],
) -> list[Cleaned]:
    """A look at several relations in one transaction; where one of them fails, at each in its own."""
    seen = _together(backend, relations, together)
    return [look_at(backend, relation, alone) for relation in relations] if seen is None else seen


def _together(
    backend: Backend, relations: list[Constraint], look: Callable[[Backend, list[Constraint]], T]
) -> T | None:
    """A look at several relations in one transaction; None for a single one, and where one of them fails."""
    if len(relations) > 1:
        with suppress(psycopg.Error):
            return _look(backend, lambda: look(backend, relations))
        backend.raise_if_lost("the relations were being looked at")
    return None


def in_turn(seen: list[Cleaned]) -> tuple[Cleaned, ...]:
    """Those first whose children are parents of the others'."""
    by_parent: dict[Any, list[Cleaned]] = defaultdict(list)
    for one in seen:
        by_parent[one.facts.parent_oid].append(one)
    below = {one.relation: [it for oid in one.facts.losing for it in by_parent[oid] if it is not one]
             for one in seen}  # fmt: skip
    before = Counter(it.relation for its in below.values() for it in its)
    waiting = {one.relation: one for one in seen}
    free = [one for one in seen if not before[one.relation]]
    ordered = []
    while waiting:
        free = free or [next(iter(waiting.values()))]  # a circle begins anywhere
        ordered += free
        after = []
        for one in free:
            del waiting[one.relation]
        for one in free:
            before.subtract(it.relation for it in below[one.relation])
            after += [it for it in below[one.relation] if it.relation in waiting and not before[it.relation]]
        free = list({it.relation: it for it in after}.values())
    return tuple(ordered)


def look_at(
    backend: Backend, relation: Constraint, look: Callable[[Backend, Constraint], Cleaned]
) -> Cleaned:
    """What a look says of a relation; it has a transaction of its own, so that an error says nothing about the next."""
    with _explained(backend, f"the look at {relation}"):
        return _look(backend, lambda: look(backend, relation))


def _look(backend: Backend, look: Callable[[], T]) -> T:
    try:
        opening = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;" + backend.limits(None)
        backend.ask(opening + backend.message("ours"))
        return look()
    finally:
        backend.undo()


def say_found(listener: Listener, seen: Iterable[Cleaned]) -> None:
    """Tells of the relations that have orphans."""
    for one in seen:
        if one.orphans:
            about = "about " if one.is_sampled else ""
            listener(Said(f"{one.relation}: {about}{kinds.found(one.relation, one.orphans)}{_share(one)}"))


def say_published(listener: Listener, seen: Iterable[Cleaned]) -> None:
    """Tells if what is archived will be seen by others."""
    if text := next(filter(None, (guards.published(one.facts) for one in seen if one.orphans)), None):
        listener(Said(text))


def in_order(seen: Iterable[Cleaned], relations: list[Constraint]) -> tuple[Cleaned, ...]:
    """As the relations were named."""
    by_relation = {one.relation: one for one in seen}
    return tuple(by_relation[relation] for relation in relations)


def _share(one: Cleaned) -> str:
    estimate = one.facts.estimate
    return f" of about {estimate:,} rows ({min(one.orphans / estimate, 1):.2%})" if estimate > 0 else ""


def check(seen: Iterable[Cleaned], named: Sequence[Constraint] | None) -> tuple[Cleaned, ...]:
    """Those that can be cleaned. Refused if a guard refuses one of them, or one that was named is not there.

    What was not named, and nobody has decided, is left out, and so is what cannot be. UsageError if that was named.
    """
    decided = tuple(one for one in seen if named or not (one.is_undecided or one.facts.wrong))
    for one in decided:
        if one.facts.wrong:
            raise UsageError(f"--relation: {one.relation}: {one.facts.wrong}.")
        if one.skipped and named:
            raise Refused(f"{one.relation}: {one.skipped}. Nothing was changed.")
        if one.refusals:
            raise guards.refusal(one.relation, one.refusals)
    return decided


def affected(seen: Iterable[Cleaned]) -> list[Cleaned]:
    """Those of the relations that have orphans, or may get some when the others' are deleted, in order."""
    seen = list(seen)
    by_parent: dict[Any, list[Cleaned]] = defaultdict(list)
    for one in seen:
        by_parent[one.facts.parent_oid].append(one)
    found, due = set[Constraint](), [one for one in seen if one.orphans]
    while due:
        one = due.pop()
        if one.relation not in found:
            found.add(one.relation)
            due += [it for oid in one.facts.losing for it in by_parent[oid]]
    return [one for one in seen if one.relation in found]


def _clean_all(backend: Backend, seen: tuple[Cleaned, ...]) -> tuple[Cleaned, ...]:
    done = {one.relation: replace(one, orphans=0, duplicates=None) for one in seen}
    # Where nothing was found, no lock is taken and no writer waits.
    if due := affected(seen):
        _warm(backend, [one for one in due if one.placed])
        with backend.locked():
            with _explained(backend, "the cleanup"):
                taken = ahead.take(backend, due, _locks(backend, due), verb="cleanup", migration=None)
            for one in _clean_in_turn(backend, due, taken):
                done[one.relation] = one if one.skipped else done[one.relation].plus(one)
    return tuple(done.values())


def _warm(backend: Backend, placed: list[Cleaned]) -> None:
    """What can be done ahead of the locks; what keeps it from that is said under them."""
    if placed:
        try:
            with _explained(backend, "the look at the orphans"), ahead.unless_canceled():
                opening = backend.message("begin") + backend.limits(None)
                backend.ask(opening + backend.message("ours"))
                for one in placed:
                    ahead.warm(backend, one)
        finally:
            backend.undo()
        backend.raise_if_lost("the orphans that were found were being read")


def _locks(backend: Backend, due: list[Cleaned]) -> bytes:
    """What locks the tables of all of them."""
    written = [table for one in due for table in one.facts.written if isinstance(one.relation, Unique)]
    return prepare.lock(backend, [one.relation for one in due], written)


def _clean_in_turn(
    backend: Backend, due: list[Cleaned], taken: Mapping[Constraint, Taken]
) -> Iterator[Cleaned]:
    """taken: what was deleted ahead of the locks; where anything was, they are held."""
    if not taken:
        with _explained(backend, "the cleanup"):
            backend.ask(_locks(backend, due))
    waiting, taken = {one.relation for one in due}, dict(taken)
    gone = [one for one in due if one.relation in taken and taken[one.relation].done.cleaned]
    may_have_more = {it.relation for one in gone for it in due if it is not one and one.may_orphan(it)}
    parallel = may_be_parallel(due)
    while waiting:
        for one in [one for one in due if one.relation in waiting]:
            # What became an orphan by our own deletions was in no preview.
            looked = (one.expected, one.passed, one.placed)
            expected, passed, placed = (None, None, None) if one.relation in may_have_more else looked
            before = taken.pop(one.relation, None)
            with _explained(backend, f"the cleanup of {one.relation}"):
                cleaned = orphans.clean(
                    backend,
                    one.relation,
                    verb="cleanup",
                    expected=expected,
                    passed=passed,
                    placed=placed and before.left if before else placed,
                    taken=before,
                    load=one.load(parallel=parallel),
                )
            yield cleaned
            waiting.discard(one.relation)
            if cleaned.cleaned:
                below = {it.relation for it in due if it is not one and one.may_orphan(it)}
                waiting, may_have_more = waiting | below, may_have_more | below


@contextmanager
def _explained(backend: Backend, what: str) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.LockNotAvailable as exc:
        failure = DatabaseFailed(
            f"{what} gave way: its tables were in use for longer than {backend.settings.lock_timeout:g} s "
            "(--lock-timeout). Nothing was changed; run again."
        )
        raise backend.with_blockers(failure) from exc
    except psycopg.Error as exc:
        backend.raise_if_lost(f"{what} was under way")
        backend.undo()
        more = guards.remedy(exc) or guards.by_event_trigger(backend, exc)
        backend.undo()
        stands = f"Nothing was changed.{more}"
        raise backend.failure(f"{what} failed", f"{what} was under way", exc, stands) from exc
