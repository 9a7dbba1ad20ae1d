"""What a reset would drop: what of it is in the way, and what is to be left alone, by name."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlrail.engine.backend import Backend
from sqlrail.errors import Refused, UsageError
from sqlrail.files.file import File
from sqlrail.ground.names import NAME, join, plain
from sqlrail.ground.words import printable
from sqlrail.scratch.provided import Provided, texts, unmade

if TYPE_CHECKING:
    from sqlrail.results.error import InTheWayResult

Key = tuple[int, int]  # of a catalog and of a row of it

#: things that a message names
NAMED = 10


class Thing(NamedTuple):
    """What can be dropped by itself: a row of sql/verbs/reset/reset_look.sql."""

    catalog: int
    number: int
    kind: str
    names: list[str]
    schema: str  # that it lies in, its own name if it is one
    identity: str
    owner: str
    is_part: bool  # of something else, with which it is dropped as well
    may_drop: bool
    is_on_path: bool
    path_stays: bool

    @property
    def key(self) -> Key:
        return self.catalog, self.number

    @property
    def path(self) -> tuple[str, ...]:
        """Its name with its schema; of an operator class PostgreSQL names the access method as well."""
        return tuple(self.names[1:] if self.kind.startswith("operator ") else self.names)

    def is_called(self, path: tuple[str, ...]) -> bool:
        """Whether a name means it: one without a schema is looked for along the search_path."""
        return self.is_named and (path == self.path or (self.is_on_path and path == self.path[1:]))

    def as_json(self) -> InTheWayResult:
        return {"kind": self.kind, "name": self.identity, "owner": self.owner}

    @property
    def is_named(self) -> bool:
        """Whether it has a name to be spared by: a large object has a number, a cast two types."""
        return self.kind not in ("large object", "cast")

    @property
    def flag(self) -> str:
        return f"--spare {shlex.quote(join(*self.path))}"

    def __str__(self) -> str:
        return f"the {self.kind} {printable(self.identity)}"


@dataclass(frozen=True)
class Spared:
    """What a reset leaves, and what it says of it."""

    things: tuple[Thing, ...] = ()  # that were named
    kept: frozenset[Key] = (
        frozenset()
    )  # all that stays for their sake, and schemas that stay without what is in them
    notes: tuple[str, ...] = ()

    @property
    def addresses(self) -> list[str]:
        return [f"{catalog}/{number}" for catalog, number in sorted(self.kept)]


def look(backend: Backend, names: Sequence[str], files: Mapping[str, File]) -> Spared:
    """What stays, as named; Refused, with all of it, where something else is in the way.

    That is what others own, and an extension that no file makes: without it the files may not run again. UsageError
    where nothing has a name, or it is none.
    """
    things = [Thing(*row) for row in _ask(backend, "reset_look", things=backend.message("_reset_things"))]
    chosen = _chosen(things, names)
    _refuse_records(backend, chosen)
    spared = _with_what_goes_along(backend, things, chosen) if chosen else Spared()
    others = [thing for thing in things if thing.key not in spared.kept and not thing.is_part]
    used = [thing for thing in others if thing.kind == "schema" and _is_used(thing, backend.schema, files)]
    spared = _with_schemas(spared, used)
    _refuse_what_is_in_the_way([thing for thing in others if thing not in used], files)
    return replace(spared, notes=(*spared.notes, *_notes_of_settings(backend)))


def _notes_of_settings(backend: Backend) -> Iterator[str]:
    """What is left to others, and what goes though it is in no schema: names may lead elsewhere afterwards."""
    left = backend.message("_reset_left")
    if roles := ", ".join(printable(role) for (role,) in _ask(backend, "reset_left_roles", left=left)):
        yield f"left alone, because they belong to other roles: settings and default privileges of {roles}"
    if settings := ", ".join(printable(name) for (name,) in _ask(backend, "reset_settings", left=left)):
        yield f"settings of the database go as well, and only files make them again: {settings}"


def _ask(backend: Backend, name: str, **parts: Any) -> list[tuple[Any, ...]]:
    return backend.ask(backend.message(name, **parts))


def _chosen(things: Sequence[Thing], names: Iterable[str]) -> list[Thing]:
    """The things of these names, and all that lies in a schema of such a name."""
    chosen: list[Thing] = []
    for name in names:
        if not re.fullmatch(rf"\s*{NAME}(?:\s*\.\s*{NAME})?\s*", name):
            raise UsageError(f"--spare '{name}': write a name, or schema.name, as SQL has it.")
        path = tuple(map(plain, re.findall(NAME, name)))
        found = [thing for thing in things if thing.is_called(path)]
        if not found:
            raise UsageError(f"--spare {name}: there is nothing of that name that a reset would drop.")
        chosen += found
    keys, schemas = (
        {thing.key for thing in chosen},
        {thing.schema for thing in chosen if thing.kind == "schema"},
    )
    return [
        thing
        for thing in things
        if thing.key in keys or (thing.schema in schemas and thing.kind != "extension")
    ]


def _refuse_records(backend: Backend, chosen: Iterable[Thing]) -> None:
    ours = {(str(backend.schema), backend.migration_table), (str(backend.schema), backend.log_table)}
    for thing in chosen:
        if thing.schema == "sqlrail" or thing.path in ours:
            raise UsageError(
                f"--spare would keep the records of what was applied ({thing.identity}), and then nothing would run "
                "again. Name what else is in that schema one by one. Nothing was changed."
            )


def _with_what_goes_along(backend: Backend, things: Sequence[Thing], chosen: Sequence[Thing]) -> Spared:
    """What was chosen with what is a part of it and the schemas it lies in; Refused if it needs what is dropped."""
    found = _links(backend, chosen)
    needed = _needed(backend, things, chosen, found["needed"])
    if needed:
        raise _refused(
            f"what is spared needs {_listed(needed)}, which would be dropped; leave that as well: {_flags(needed)}",
            needed,
        )
    kept = {thing.key for thing in things if thing.key in found["kept"]}
    schemas = {thing.schema for thing in things if thing.key in kept}
    kept |= {thing.key for thing in things if thing.kind == "schema" and thing.schema in schemas}
    leaning = [thing for thing in things if thing.key in found["leaning"] and not thing.is_part]
    note = f"dropped with all else, though it depends on what is spared: {_listed(leaning)}"
    return Spared(tuple(chosen), frozenset(kept), (note,) if leaning else ())


def _links(backend: Backend, chosen: Sequence[Thing]) -> dict[str, set[Key]]:
    numbers = {"classes": [thing.catalog for thing in chosen], "ids": [thing.number for thing in chosen]}
    found: dict[str, set[Key]] = {"kept": set(), "needed": set(), "leaning": set()}
    for what, catalog, number in _ask(backend, "reset_spared", **numbers):
        found[what].add((catalog, number))
    return found


def _needed(
    backend: Backend, things: Sequence[Thing], chosen: Sequence[Thing], keys: set[Key]
) -> list[Thing]:
    """The things of these keys, and what those need themselves."""
    found: list[Thing] = []
    while more := [thing for thing in things if thing.key in keys and thing not in found]:
        found += more
        keys = _links(backend, [*chosen, *found])["needed"]
    return found


def _with_schemas(spared: Spared, schemas: Sequence[Thing]) -> Spared:
    if not schemas:
        return spared
    note = f"emptied, and left there since no file makes it: {_listed(schemas)}"
    return Spared(spared.things, spared.kept | {thing.key for thing in schemas}, (*spared.notes, note))


def _is_used(schema: Thing, of_records: str | None, files: Mapping[str, File]) -> bool:
    """Whether files need a schema that none of them makes, or the records, which are there before any file."""
    (name,) = schema.names
    if name in ("public", "sqlrail"):
        return False
    is_on_path = schema.is_on_path and schema.path_stays
    mentioned = re.compile(rf'(?i)(?<![\w"])"?{re.escape(name)}"?\s*\.'.encode())
    if not is_on_path and not any(mentioned.search(text) for text in texts(files)):
        return False
    return (is_on_path and name == of_records) or bool(unmade([Provided("schema", name, None)], files))


def _refuse_what_is_in_the_way(others: Sequence[Thing], files: Mapping[str, File]) -> None:
    foreign = [thing for thing in others if not thing.may_drop]
    extensions = [
        Provided(thing.kind, thing.names[0], thing.schema) for thing in others if thing.kind == "extension"
    ]
    unknown = {thing.name for thing in unmade(extensions, files)}
    provided = [
        thing
        for thing in others
        if thing.may_drop and thing.kind == "extension" and thing.names[0] in unknown
    ]
    reasons = []
    if foreign:
        reasons.append(f"it would drop what is not this role's: {_listed(foreign, owners=True)}")
    if provided:
        reasons.append(f"it would drop what no file makes again: {_listed(provided)}")
    if reasons:
        found = [*foreign, *provided]
        raise _refused(
            f"{'; '.join(reasons)}. Leave it alone with {_flags(found)}, or drop it yourself", found
        )


def _refused(reason: str, things: Iterable[Thing]) -> Refused:
    failure = Refused(f"reset is refused: {reason}. Nothing was changed.")
    failure.details["in_the_way"] = [thing.as_json() for thing in things]
    return failure


def _listed(things: Sequence[Thing], *, owners: bool = False) -> str:
    named = [f"{thing}{f' of {thing.owner}' if owners else ''}" for thing in things[:NAMED]]
    return ", ".join(named) + (f" and {len(things) - NAMED} more" if things[NAMED:] else "")


def _flags(things: Sequence[Thing]) -> str:
    flags = dict.fromkeys(thing.flag for thing in things if thing.is_named)
    more = " ..." if len(flags) > NAMED else ""
    return " ".join(list(flags)[:NAMED]) + more
