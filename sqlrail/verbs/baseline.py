"""The verb baseline: files recorded as applied without being run, where the database has what they build."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from yoyo.migrations import MigrationList

from sqlrail.engine.backend import Backend
from sqlrail.errors import BadFile, MigrationFailed, Refused
from sqlrail.files.file import check_files
from sqlrail.files.folder import read_files, up_to
from sqlrail.ground.events import Listener, Noted, Said
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import counted, printable
from sqlrail.records import problems
from sqlrail.records.history import Record
from sqlrail.schema.catalog import read
from sqlrail.schema.compare import Difference, compare, outermost
from sqlrail.schema.making import granted_on
from sqlrail.schema.objects import Catalog, Key
from sqlrail.scratch.scratch import NoScratch
from sqlrail.verbs.drift import COMMENT, FILES, PUBLIC, build_schema, lines_of

if TYPE_CHECKING:
    from sqlrail.results.baseline import BaselinedResult

#: differences that people read; the JSON has them all
SHOWN = 40
#: what every new database has, so that no file has built it
USUAL: tuple[Key, ...] = (PUBLIC, COMMENT, ("privilege", "schema public USAGE for PUBLIC"))
NOTHING_BUILT = "They build nothing that could be found in it."
#: kinds, and facts, that nobody's statement fails for, whatever they are: words, and how rows are kept
HARMLESS = ("comment", "option")
KEPT = ("storage", "compression", "statistics", "target", "start", "cache", "sequence", "not null name")
#: facts of which the database has more than the files say, by the value that it has
STRICTER = {
    ("nullable", "not null"),
    ("valid", "valid"),
    ("not null validity", "valid"),
    ("persistence", "logged"),
    ("row-level security", "on"),
    ("row-level security of its owner", "on"),
}


#: how a database, whose backend it is, differs from what files build
Compared = Callable[[Backend, MigrationList], "Comparison"]


class More(NamedTuple):
    """How much the database has that the files do not build."""

    tables: int = 0
    columns: int = 0
    others: int = 0


NO_MORE = More()


@dataclass(frozen=True)
class Comparison:
    """What the database lacks or has otherwise, in drift's words; what of it harms nothing; what it has besides."""

    lacking: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()
    more: More = NO_MORE
    uncompared: str | None = None  # why there was no comparison


@dataclass(frozen=True)
class Baselined:
    """The migrations that were recorded, and what was accepted with them."""

    ids: tuple[str, ...]
    comparison: Comparison

    def as_json(self) -> BaselinedResult:
        """The same for scripts."""
        found = self.comparison
        return {
            "baselined": list(self.ids),
            "compared": found.uncompared is None,
            "differences": list(found.lacking),
            "notes": list(found.noted),
            "more_tables": found.more.tables,
            "more_columns": found.more.columns,
            "more_others": found.more.others,
        }


def baseline(
    settings: Settings,
    listener: Listener,
    to: str,
    *,
    accept_differences: bool = False,
    allow_other_history: bool = False,
    compared: Compared | None = None,
) -> Baselined:
    """Records every file up to `to`, in yoyo's order, as applied without running it; all in one transaction.

    Refused where a record exists already, where another tool's history names one of the files, unless that is allowed,
    and where the database is not what the files build, unless that is accepted, and logged. compared: how it differs
    from that; without it the files are built.
    """
    migrations, files = read_files(settings.migrations)
    wanted = up_to(migrations, to)
    with Backend(settings, listener, files) as backend:
        backend.raise_if_old()
        refuse_records("baseline", backend.records)
        if not accept_differences:
            check_files(files[migration.id] for migration in wanted)
        _refuse_others(backend, [migration.id for migration in wanted], allow_other_history)
        found = (compared or _compare)(backend, wanted)
        if found.lacking or found.uncompared:
            _refuse_or_say(found, wanted, listener, accept_differences)
        with backend.locked():
            # Once more, now that nobody else can write one.
            backend.read_history()
            refuse_records("baseline", backend.records)
            backend.ask(_records(backend, wanted, found))
    return Baselined(tuple(migration.id for migration in wanted), found)


def refuse_records(verb: str, records: list[Record]) -> None:
    """Refused where there is a record already: what has run is recorded once."""
    if records:
        raise Refused(
            f"{verb} is refused: the database has {counted(len(records), 'record')} already, of "
            f"{', '.join(record.id for record in records[:5])}{' and others' if len(records) > 5 else ''}. It is for a "
            "database that has none; here `migrate` goes on from them. Nothing was recorded."
        )


def _refuse_others(backend: Backend, wanted: list[str], allowed: bool) -> None:
    """Refused for a draft, and for another tool's history that names what is to be recorded."""
    empty = [replace(it, refuses=True) for it in problems.drafts(wanted, backend.files)]
    others = [*problems.elsewhere(wanted, backend.other_histories())]
    problems.refuse([*empty, *others], ["other-history"] if allowed else [])
    for problem in others:
        backend.listener(Noted(problem.message))


def _refuse_or_say(found: Comparison, wanted: MigrationList, listener: Listener, accepted: bool) -> None:
    lines = [
        f"{_summary(found)}{':' if found.lacking else ''}",
        *(f"  {line}" for line in found.lacking[:SHOWN]),
    ]
    if len(found.lacking) > SHOWN:
        lines.append(f"  and {len(found.lacking) - SHOWN:,} more (--json has them)")
    if accepted:
        listener(
            Said(
                "\n".join(
                    [
                        f"warning: accepted by --accept-differences, up to {wanted[-1].id}: {lines[0]}",
                        *lines[1:],
                    ]
                )
            )
        )
        return
    failure = Refused(
        f"baseline is refused: {lines[0]}",
        *lines[1:],
        "Mend the database (`drift --pending --print-sql` has a draft), or name an earlier ID and let `migrate` run "
        "the rest; --accept-differences records the files all the same, and logs that. Nothing was recorded.",
    )
    failure.details["differences"] = list(found.lacking)
    raise failure


def _summary(found: Comparison) -> str:
    if found.uncompared is not None:
        return f"the database was not compared with what the files build. {found.uncompared}"
    return "the database is not what the files build"


def _records(backend: Backend, wanted: MigrationList, found: Comparison) -> bytes:
    text = backend.stamping()
    for migration in wanted:
        file = backend.files[migration.id]
        text += backend.record(file, migration.hash, "mark")
    if found.lacking or found.uncompared:
        what = f"{_summary(found)}{': ' if found.lacking else ''}{'; '.join(found.lacking)}"
        accepted = what[:255].encode(errors="backslashreplace").decode()
        # Of no hash: the checksum of a record is in the latest entry of its own.
        text += backend.log_entry(wanted[-1].id, None, "accept", accepted[:255])
    return text


def _compare(backend: Backend, wanted: MigrationList) -> Comparison:
    """Builds the files on a scratch database, and looks for what they have made in the real one."""
    listener, settings = backend.listener, backend.settings

    def compare() -> Comparison:
        made = build_schema(settings, listener, ending_there(wanted), backend.files).without(USUAL)
        return comparison_of(made, read(backend.connection, settings, made))

    return as_far_as_possible(compare)


def ending_there(wanted: MigrationList) -> MigrationList:
    """Without what runs after the last file: this may end before it."""
    return MigrationList([*wanted])


def as_far_as_possible(compare: Callable[[], Comparison]) -> Comparison:
    """The comparison, or why there is none."""
    try:
        return compare()
    except NoScratch as exc:
        return Comparison(uncompared=str(exc))
    except (BadFile, MigrationFailed, Refused) as exc:
        return Comparison(uncompared=f"They do not build on a scratch database: {exc}")


def comparison_of(made: Catalog, there: Catalog) -> Comparison:
    """How a database differs from what files have made, and whether that harms what counts on them.

    More than they build is not compared, as somebody's index or privilege; nor is what only has another name.
    """
    if builds_nothing(made):
        return Comparison(uncompared=NOTHING_BUILT)
    there = there.without(USUAL)
    found = [one for one in compare(made, there) if not _is_owners(one, made, there)]
    lacking, noted, more = list[str](), list[str](), Counter[str]()
    for one in outermost(found):
        if one.what == "extra":
            more[one.kind] += one.kind != "privilege"
            continue
        for part in _parts(one):
            told = lacking if _harms(part) else noted
            told += [f"{printable(one.home)} {line}" for line in lines_of(part, FILES)]
    tables, columns = more.pop("table", 0), more.pop("column", 0)
    return Comparison(tuple(lacking), tuple(noted), More(tables, columns, more.total()))


def builds_nothing(made: Catalog) -> bool:
    """Whether files that have made this could have run anywhere, and nobody would see it."""
    return all(it.kind in ("privilege", "schema") for it in made.without(USUAL).objects.values())


def _parts(one: Difference) -> list[Difference]:
    """The difference, change by change."""
    return [replace(one, changes=(change,)) for change in one.changes] or [one]


def _harms(one: Difference) -> bool:
    """Whether a later file, or the application, may fail for it."""
    if one.kind in HARMLESS or one.what == "renamed":
        return False
    return not any(it.fact in KEPT or (it.fact, it.found) in STRICTER for it in one.changes)


def _is_owners(one: Difference, made: Catalog, there: Catalog) -> bool:
    """Whether it is a privilege that its role has there as the owner, to whom none is granted."""
    if one.what != "lacking" or one.kind != "privilege" or (on := granted_on(made, one.object)) is None:
        return False
    to = one.object.creates.removesuffix(" WITH GRANT OPTION")
    return on in there.owners and to.endswith(f" TO {there.owners[on]}")
