"""The verb doctor: what is unhealthy in the live database, with the SQL that mends it, ready for new migrations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from sqlrail.engine.backend import Backend
from sqlrail.files.draft import Draft
from sqlrail.files.folder import read_files
from sqlrail.ground.events import Listener, Said
from sqlrail.ground.names import join
from sqlrail.ground.relation import Relation
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import by_order, counted, printable
from sqlrail.orphans import survey
from sqlrail.orphans.cleaned import Cleaned, mixed_rows
from sqlrail.postgres import wire
from sqlrail.postgres.connect import target
from sqlrail.postgres.diagnostics import sentence
from sqlrail.records import problems
from sqlrail.verbs import archive, new

if TYPE_CHECKING:
    from sqlrail.results.doctor import FindingResult, HealthResult

#: in which the checks are told, sql/verbs/doctor/doctor_<kind>.sql each; one that is not here comes last. A constraint
#: that is there twice is dropped, and need not be valid as well.
ORDER = (
    "duplicate_constraint", "conflicting_key", "not_valid", "invalid_index", "duplicate_index", "unindexed_key",
    "missing_key", "no_primary_key", "sequence_end", "disabled_trigger", "not_enforced", "stale_collation",
)  # fmt: skip

T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """What is ill, and what mends it.

    count: rows that are in the way of that (orphans, or what a constraint forbids), or that are too old; None where
    there is nothing to count, or uncounted says why they were not.
    """

    kind: str
    table: str
    object: str
    reason: str
    advice: str | None = None  # what a person has to decide, or to know
    count: int | None = None
    uncounted: str | None = None
    relation: Relation | None = None  # whose orphans have to go first
    now: tuple[str, ...] = ()  # in one transaction
    later: tuple[str, ...] = ()  # after that, each on its own, outside a transaction

    @property
    def is_mended(self) -> bool:
        """Whether there is SQL for it."""
        return bool(self.now or self.later)

    @property
    def cleans(self) -> bool:
        """Whether a directive of the migration takes its orphans away."""
        # A directive is one line, and so must the names in it be.
        return self.relation is not None and str(self.relation).isprintable()

    def as_json(self) -> FindingResult:
        """The same for scripts: `now` is for one transaction, behind the relation's cleanup, `later` for none."""
        return {
            "kind": self.kind,
            "table": self.table,
            "object": self.object,
            "reason": self.reason,
            "advice": self.advice,
            "count": self.count,
            "uncounted": self.uncounted,
            "relation": str(self.relation) if self.relation else None,
            "now": list(self.now),
            "later": list(self.later),
        }


@dataclass(frozen=True)
class Health:
    """All that was found in a database, and the migrations that were made of it."""

    database: str
    findings: tuple[Finding, ...]
    made: tuple[new.New, ...] = ()

    def as_json(self) -> HealthResult:
        """The same for scripts."""
        return {
            "database": self.database,
            "findings": [one.as_json() for one in self.findings],
            "made": [{"id": one.id, "path": str(one.path)} for one in self.made],
        }


def doctor(settings: Settings, listener: Listener, *, quick: bool = False) -> Health:
    """Looks at the catalog, the records and the archive in one snapshot; writes nothing.

    Rows are counted unless it shall be quick; a count that fails, for want of a right or of time, is told as such.
    """
    migrations, files = read_files(settings.migrations)
    with Backend(settings, listener) as backend:
        backend.raise_if_old()
        entries, wrong = problems.find(settings.migrations, migrations, files, backend.records, backend.notes)
        if pending := sum(entry.state == "pending" for entry in entries):
            files_are = counted(pending, "file is", "files are")
            listener(Said(f"{files_are} pending, and may mend some of this, or change it: migrate first"))
        try:
            backend.ask(
                backend.message("health_begin", limits=backend.limits(None) + backend.message("ours"))
            )
            found = [*_ill(backend, quick), *_behind(backend, quick), *_archived(backend)]
        except psycopg.Error as exc:
            failed, when = "the look at the database failed", "the database was being looked at"
            failure = backend.failure(failed, when, exc, "Nothing was changed; run again.")
            raise backend.with_blockers(failure) from exc
        finally:
            backend.undo()
    return Health(target(settings), (*found, *_disagreeing([*wrong, *problems.foreign(files)])))


def _ill(backend: Backend, quick: bool) -> Iterator[Finding]:
    ours = _ours(backend)
    bookkeeping = backend.message("_bookkeeping")
    tables = backend.message("_doctor_tables", ours=ours, bookkeeping=bookkeeping)
    stale = backend.message("_stale_collations")
    dropped = set[tuple[str, str]]()
    checks = [(kind, f"doctor_{kind}") for kind in by_order(wire.names("doctor_"), ORDER)]
    if backend.session.server.is_citus:
        checks += [(kind, f"cluster_{kind}") for kind in sorted(wire.names("cluster_"))]
    for kind, name in checks:
        parts = {"ours": ours, "tables": tables, "stale": stale, "bookkeeping": bookkeeping}
        for row in backend.ask(backend.message(name, **parts)):
            one, rows = _finding(kind, *row)
            if kind == "not_valid" and (one.table, one.object) in dropped:
                continue
            if kind == "duplicate_constraint" and one.now:
                dropped.add((one.table, one.object))
            yield _writable(one if quick else _counted(backend, one, rows))


def _ours(backend: Backend) -> bytes:
    """What is looked at: all that is neither PostgreSQL's nor an extension's, and of a tenant's database its schema."""
    ours = backend.message("_catalog_ours")
    return ours if backend.settings.tenant is None else backend.message("_catalog_own", ours=ours)


def _finding(
    kind: str,
    table: str,
    name: str,
    reason: str,
    advice: str | None,
    now: list[str] | None,
    later: list[str] | None,
    related: list[list[str]] | None,
    rows: str | None,
) -> tuple[Finding, str | None]:
    child, columns, parent, keys = map(tuple, related) if related else ((),) * 4
    relation = Relation(child, columns, parent, keys) if related else None
    one = Finding(
        kind, table, name, reason, advice, relation=relation, now=(*(now or ()),), later=(*(later or ()),)
    )
    return one, rows


def _writable(one: Finding) -> Finding:
    if one.relation is None or one.cleans or one.count == 0:
        return one
    text = "its names do not fit the one line of a `-- cleanup:`: delete the orphans by hand, and look again"
    return replace(one, advice=text, now=(), later=())


def _counted(backend: Backend, one: Finding, rows: str | None) -> Finding:
    if (relation := one.relation) is not None:
        looked, uncounted = _try(backend, lambda: _look(backend, relation))
        if looked is None:
            return replace(one, uncounted=uncounted)
        seen, failed = looked
        if failed:
            return replace(one, uncounted="; ".join(seen.refusals))
        if seen.mixed:
            text = f"mend these rows first: {mixed_rows(seen)}"
            return replace(one, count=seen.orphans + seen.mixed, relation=None, advice=text, now=(), later=())
        if one.kind == "not_valid" and seen.orphans == 0 and not seen.refusals:
            # Nothing has to go first, so that no lock need be kept while every row is read.
            return replace(one, count=0, relation=None, now=(), later=one.now)
        guards = f"the cleanup would be refused: {'; '.join(seen.refusals)}" if seen.refusals else None
        is_counted = seen.facts.countable
        return replace(one, count=seen.orphans if is_counted else None, advice=guards or one.advice)
    if rows is not None:
        question = backend.message("count_rows", rows=sql.SQL(rows))
        count, uncounted = _try(backend, lambda: backend.ask(question)[0][0])
        if not count:
            return replace(one, count=count, uncounted=uncounted, advice=None)
        text = f"mend these rows first, then validate it: SELECT * {rows}"
        text = "; or ".join(filter(None, (text, one.advice)))
        return replace(one, count=count, advice=text, later=())
    return one


def _look(backend: Backend, relation: Relation) -> tuple[Cleaned, bool]:
    """What a preview says, and whether it could not count: then the transaction has failed, and it says why."""
    seen = survey.preview(backend, relation, closely=False)
    return seen, backend.connection.info.transaction_status == TransactionStatus.INERROR


def _try(backend: Backend, ask: Callable[[], T]) -> tuple[T | None, str | None]:
    """What is asked, or why there is no answer; the snapshot outlives an error."""
    backend.ask(b"SAVEPOINT doctor")
    try:
        return ask(), None
    except psycopg.Error as exc:
        if backend.connection.closed:
            raise
        return None, sentence(exc)
    finally:
        if not backend.connection.closed:
            backend.ask(b"ROLLBACK TO SAVEPOINT doctor; RELEASE SAVEPOINT doctor")


def _behind(backend: Backend, quick: bool) -> Iterator[Finding]:
    """Sequences that are behind their column; it has an index, so that its end is at hand."""
    if quick:
        return
    tables = backend.message(
        "_doctor_tables", ours=_ours(backend), bookkeeping=backend.message("_bookkeeping")
    )
    for table, column, sequence, question, mends in backend.ask(
        backend.message("sequences_behind", tables=tables)
    ):
        found, _ = _try(backend, partial(backend.ask, question.encode()))
        # What the role may not read is not looked at.
        highest, last = found[0] if found else (None, None)
        if highest is not None and last is not None and highest > last:
            yield Finding(
                "sequence_behind", table, f"column {join(column)}",
                f"it goes up to {highest}, and its sequence {sequence} stands at {last}: it will give out numbers that "
                "are taken", now=(mends,),
            )  # fmt: skip


def _archived(backend: Backend) -> Iterator[Finding]:
    seconds = backend.settings.retention
    if not backend.has_archive:
        return
    look = archive.message(backend, "archive_purge_look", seconds=seconds)
    found, _ = _try(backend, lambda: backend.ask(look))
    if found:  # where the role may not read it, somebody else looks after it
        age = f"{seconds / 86400:g}d"
        runs = ", ".join(str(run) for run, _ in found)
        yield Finding(
            "old_archive", "sqlrail.archive", f"run{'s' * (len(found) > 1)} {runs}",
            f"what cleanups deleted is kept for longer than {age} (--retention)",
            f"purge it: sqlrail archive purge --older-than {age} --yes", sum(rows for _, rows in found),
        )  # fmt: skip


def _disagreeing(wrong: Sequence[problems.Problem]) -> Iterator[Finding]:
    """What is wrong between files and records, less what is only said and harms nothing."""
    for problem in wrong:
        if problem.refuses or problem.kind in ("begun", "foreign"):
            yield Finding("history", "migrations", problem.id, problem.message)


def write(settings: Settings, health: Health, name: str) -> list[new.New]:
    """Writes what mends the findings as new migrations: one in a transaction, and one behind it for what needs none."""
    texts = [text for text in (_in_one(health.findings), _each_alone(health.findings)) if text]
    return new.write(settings.migrations, [Draft(name, *text) for text in texts], "sqlrail doctor")


def _in_one(findings: Sequence[Finding]) -> tuple[str, str] | None:
    wanted = [one for one in findings if one.now]
    relations = dict.fromkeys(str(one.relation) for one in wanted if one.cleans)
    directives = "".join(f"-- cleanup: {relation}\n" for relation in relations)
    return (directives, _script((one, one.now) for one in wanted)) if wanted else None


def _each_alone(findings: Sequence[Finding]) -> tuple[str, str] | None:
    wanted = [one for one in findings if one.later]
    return ("-- transactional: false\n", _script((one, one.later) for one in wanted)) if wanted else None


def _script(parts: Iterable[tuple[Finding, Sequence[str]]]) -> str:
    return "\n".join(
        "".join(f"-- {line}\n" for line in _heading(one)) + "".join(f"{text};\n" for text in sql)
        for one, sql in parts
    )


def _heading(one: Finding) -> list[str]:
    lines = [f"{one.table} {one.object}: {one.reason}.", *([f"Note: {one.advice}."] if one.advice else [])]
    return [printable(line) for line in lines]
