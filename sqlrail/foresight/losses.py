"""What pending files would lose of the live rows: tables, columns, rows, and values that do not come back.

What a statement does is seen in the rehearsal: which tables and columns are not there any more, which have another
type, which were emptied. How many live rows that is about, is counted on the live database, which is only read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from sqlrail.files.citus import moves_rows
from sqlrail.files.file import File
from sqlrail.files.keys import names, squeezed
from sqlrail.foresight import tally
from sqlrail.foresight.attempt import Tried
from sqlrail.foresight.judged import Loss
from sqlrail.foresight.narrowing import narrowed
from sqlrail.foresight.tally import Link, Question
from sqlrail.ground.loses import Loses
from sqlrail.ground.names import NAME, join
from sqlrail.ground.settings import Settings
from sqlrail.postgres.connect import connect
from sqlrail.scratch.doomed import Doomed
from sqlrail.scratch.scene import Scene
from sqlrail.scratch.seen import DONE, Seen
from sqlrail.scratch.shapes import Constraint, Shape, Shapes, names_in
from sqlrail.scratch.using import Using, usings

#: what a file says it loses, and does not
UNUSED = "{} says `-- loses: {}`, and loses nothing of it"
AMBIGUOUS = "{} says `-- loses: {}`, which may be {}: name the schema"

#: what a cleanup takes away is in the archive
CLEANUP = "-- cleanup"
#: statements that leave a table with other rows
WRITES = ("INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "WITH", "TRUNCATE")
_NAMED = rf"({NAME}(?: \. {NAME})*)"
_TARGET = re.compile(rf"(?i)(?:DELETE FROM|UPDATE) (?:ONLY )?{_NAMED}")
_DELETES = re.compile(rf"(?i)\bDELETE FROM (?:ONLY )?{_NAMED}")
_MERGES = re.compile(rf"(?i)\bMERGE INTO (?:ONLY )?{_NAMED}(?=.*\bTHEN DELETE\b)")
#: statements that do what stands in them; others only name it, in a body that they make or a comment
_ACTS = re.compile(
    r"(?i)(?:COPY|DELETE|INSERT|MERGE|TRUNCATE|UPDATE|WITH|EXPLAIN (?:ANALYZE|\([^)]*ANALYZE))\b"
)
_QUOTES = re.compile(r"\$\w*\$|'")
_ACTION = re.compile(r"ON DELETE (CASCADE|SET NULL|SET DEFAULT)")


@dataclass(frozen=True)
class Threat:
    """What a statement would lose of a live table, if that has rows: the names are the live ones."""

    of: str
    oid: int
    names: tuple[str, ...]
    kind: str
    questions: tuple[Question, ...]

    @property
    def key(self) -> tuple[object, ...]:
        return self.of, self.names, self.kind


class Losses:
    """What each statement of each file would lose, and what a file says it loses and does not."""

    def __init__(
        self,
        scene: Scene,
        files: Sequence[File],
        settings: Settings,
        tried: Mapping[str, Sequence[Tried]] | None = None,
        *,
        is_counted: bool = True,
    ) -> None:
        """tried: what became of statements over a copy of the rows; not is_counted: no row is counted."""
        finder = _Finder(scene)
        threats = {file.id: [*finder.file(scene.seen.get(file.id, ()))] for file in files}
        self._files = {file.id: file for file in files}
        self._losses: dict[str, list[tuple[Loss, ...]]] = {}
        counted = _counted(settings, threats, is_counted=is_counted)
        for file in files:
            found = [[*_losses(its, counted)] for its in threats[file.id]]
            _add_tried(found, scene, file, (tried or {}).get(file.id, ()))
            reasons = {them.pop(): said.because for said, them in _said(file, found) if len(them) == 1}
            self._losses[file.id] = [
                tuple(replace(loss, because=reasons.get(loss.names)) for loss in its) for its in found
            ]

    def of(self, id_: str) -> Sequence[tuple[Loss, ...]]:
        """A file's, statement by statement."""
        return self._losses[id_]

    def notes(self) -> Iterator[str]:
        """What files say they lose, and do not, or of which nobody knows which one they mean."""
        for id_, file in self._files.items():
            for said, them in _said(file, self._losses[id_]):
                if not them:
                    yield UNUSED.format(id_, said)
                elif len(them) > 1:
                    yield AMBIGUOUS.format(id_, said, " or ".join(sorted(join(*it) for it in them)))


def _said(file: File, losses: Iterable[Sequence[Loss]]) -> Iterator[tuple[Loses, set[tuple[str, ...]]]]:
    """What a file says it loses, each with the names of what it may mean."""
    lost = [loss for its in losses for loss in its]
    for said in file.loses:
        yield said, {loss.names for loss in lost if said.is_about(loss.names, _least(loss))}


def _counted(
    settings: Settings, threats: Mapping[str, Sequence[Sequence[Threat]]], *, is_counted: bool
) -> dict[Question, int | None]:
    questions = [it for its in threats.values() for one in its for threat in one for it in threat.questions]
    if not questions:
        return {}
    with closing(connect(settings)) as connection:
        return tally.count(connection, settings, questions, is_counted=is_counted)


def _losses(threats: Sequence[Threat], counted: Mapping[Question, int | None]) -> Iterator[Loss]:
    for threat in threats:
        numbers = [counted[it] for it in threat.questions]
        rows = None if None in numbers else sum(number or 0 for number in numbers)
        if rows != 0:
            yield Loss(threat.of, threat.names, threat.kind, rows)


def _add_tried(found: list[list[Loss]], scene: Scene, file: File, tried: Sequence[Tried]) -> None:
    """Takes the trial's word for the rows that statements delete, whatever deletes them."""
    first = scene.snapshots.first
    tops: dict[tuple[str, ...], tuple[str, str]] = {
        (it.schema, it.name): _top(it, first) for it in first.values()
    }
    names = {join(*name): name for name in tops}
    for its, seen, one in zip(found, scene.seen.get(file.id, ()), tried, strict=False):
        if one.outcome != "passes" or seen.text.startswith(CLEANUP):
            continue
        gone = dict(one.gone)
        for loss in [it for it in its if it.of == "table"]:
            top = join(*tops[loss.names])
            if loss.kind.startswith("deleted"):
                its.remove(loss)
                its += [replace(loss, rows=gone[top])] if gone.get(top) else []
            gone[top] = 0 if loss.kind.startswith("deleted") else gone.get(top, 0) - (loss.rows or 0)
        its += [
            Loss("table", names[it], "deleted", rows) for it, rows in gone.items() if rows > 0 and it in names
        ]


def _acting(text: str) -> str:
    """What of a statement is done when it runs: its code without strings, of a DO with them."""
    code = squeezed(text)
    if code.upper().split(" ", 1)[0] == "DO":
        return text
    return code if _ACTS.match(code) else ""


def _top(shape: Shape, first: Mapping[int, Shape]) -> tuple[str, str]:
    """The names of the partitioned table that it is a part of, or its own."""
    above = [first[oid] for oid in shape.parents if oid in first and first[oid].kind == "p" and shape.bound]
    return _top(above[0], first) if above else (shape.schema, shape.name)


def _least(loss: Loss) -> int:
    """How many of its names say what is meant: of a column its table's as well."""
    return 2 if loss.of == "column" else 1


@dataclass(frozen=True)
class Query:
    """What gives the rows of a table that something happens to; see tally.Question."""

    text: str
    is_unknown: bool = False
    links: tuple[Link, ...] = ()

    def of_children(self, child: Shape, parent: Shape, key: Constraint, *, is_unknown: bool) -> Query:
        """Those of another table whose key names one of these; the shapes are the live tables'."""
        sides = (child, key.columns), (parent, key.foreign_columns)
        if not all(number in shape.columns for shape, numbers in sides for number in numbers):
            return replace(self, is_unknown=True)  # by a column that the files make
        names = [tuple(shape.columns[number].name for number in numbers) for shape, numbers in sides]
        link = Link((child.schema, child.name), names[0], (parent.schema, parent.name), names[1])
        return Query(self.text, self.is_unknown or is_unknown, (*self.links, link))


class _Finder:
    """Goes through the statements in their order, with the shapes of the tables as they are before each."""

    def __init__(self, scene: Scene) -> None:
        self.first = scene.snapshots.first
        self.now: Shapes = dict(self.first)
        self._written: set[int] = set()
        #: tables whose rows a pending file has moved into a data file of its own transaction
        self._anew: set[int] = set()
        self._may_write_anything = False

    def file(self, seen: Sequence[Seen]) -> Iterator[list[Threat]]:
        """What each of a file's statements threatens; what is taken back to a savepoint does not count."""
        found: list[list[Threat]] = []
        for one in seen:
            if one.is_back:
                self.now |= one.shapes
                found = [[it for it in its if not self._is_there(it, one.shapes)] for its in found]
                found.append([])
            else:
                found.append([] if one.note == DONE else self._found(one))
                self.now |= one.shapes
        yield from found

    def _found(self, seen: Seen) -> list[Threat]:
        found = _merged([*self._statement(seen)])
        self._anew = (self._anew | _moved(seen)) - {it.oid for it in found if it.kind == "truncated"}
        self._note_writes(seen)
        return found

    def _is_there(self, threat: Threat, shapes: Shapes) -> bool:
        """Whether what a threat is about is there again, as it was."""
        if threat.oid not in shapes or (threat.kind != "dropped" and threat.of == "table"):
            return False
        shape, first = shapes[threat.oid], self.first[threat.oid]
        return shape is not None and (threat.of == "table" or _same_columns(shape, first))

    def _statement(self, seen: Seen) -> Iterator[Threat]:
        if moves_rows(seen.source):  # what is dropped has a successor, with all of its rows
            return
        for oid, after in (self._rewritten(seen) | seen.shapes).items():
            if before := self.now[oid]:
                yield from self._table(before, after, seen)
        yield from self._emptied(seen)
        if seen.doomed:
            yield from self._doomed(seen, seen.doomed)

    def _doomed(self, seen: Seen, doomed: Doomed) -> Iterator[Threat]:
        """Rows that a DELETE takes, others that go with them by their keys; values that an UPDATE overwrites."""
        targets = self._targets(seen.source)
        if rows := doomed.rows:
            query = Query(rows.expression, not self._is_known(seen, rows))
            for shape in targets:
                yield from self._deleted(shape, query, frozenset())
        for shape in targets:
            first = self.first[shape.oid]
            for column in first.columns.values():
                now = shape.columns.get(column.number)
                if now and (how := doomed.values.get(now.name)) and not column.generated:
                    path = (first.schema, first.name, column.name)
                    query = Query(how.expression, not self._is_known(seen, how))
                    question = replace(_of(first, query), name="loss_overwritten", old=column.type)
                    yield Threat("column", first.oid, path, "overwritten", (question,))
        if not doomed.rows:
            for shape in self._deleted_from(f"{_acting(seen.source)} {doomed.bodies}"):
                yield from self._deleted(shape, Query("", is_unknown=True), frozenset())

    def _deleted(self, shape: Shape, query: Query, above: frozenset[int]) -> Iterator[Threat]:
        """A table's rows of a query, and what keys to them take along."""
        first = self.first[shape.oid]
        kind = "deleted by cascade" if above else "deleted"
        yield Threat("table", first.oid, (first.schema, first.name), kind, (_of(first, query),))
        for child in filter(None, self.now.values()):
            for key in child.constraints.values():
                if key.kind == "f" and key.foreign == shape.oid and child.oid not in above | {shape.oid}:
                    yield from self._followed(child, shape, key, query, above | {shape.oid})

    def _followed(
        self, child: Shape, parent: Shape, key: Constraint, query: Query, above: frozenset[int]
    ) -> Iterator[Threat]:
        """What ON DELETE says of the rows that name those of a query."""
        action = _ACTION.search(key.definition)
        if action is None:
            return
        is_unknown = self._may_write_anything or child.oid in self._written
        below = query.of_children(self.first[child.oid], self.first[parent.oid], key, is_unknown=is_unknown)
        if action[1] == "CASCADE":
            yield from self._deleted(child, below, above)
            return
        first = self.first[child.oid]
        for number in key.columns:
            if column := first.columns.get(number):
                path = (first.schema, first.name, column.name)
                yield Threat(
                    "column", first.oid, path, f"{action[1].lower()} by its key", (_of(first, below),)
                )

    def _is_known(self, seen: Seen, how: Using) -> bool:
        """Whether a query means on the live database what it means here, and no earlier statement changes its rows."""
        named = names_in(seen.source)
        used = [it for it in self.now.values() if it and it.name in named]
        return (
            how.why is None
            and not how.leans
            and not self._may_write_anything
            and all(it.oid not in self._written and _is_as_first(it, self.first[it.oid]) for it in used)
        )

    def _targets(self, text: str) -> list[Shape]:
        """The table that a DELETE or an UPDATE is about."""
        match = _TARGET.match(squeezed(text))
        return self._called(names(match[1])) if match else []

    def _deleted_from(self, text: str) -> list[Shape]:
        """The tables from which some part of a text deletes: of a body, a CTE, a MERGE."""
        code = squeezed(_QUOTES.sub(" ", text))
        found = [names(it[1]) for it in _DELETES.finditer(code)]
        found += [names(it[1]) for it in _MERGES.finditer(code)]
        return [shape for named in dict.fromkeys(found) for shape in self._called(named)]

    def _called(self, named: tuple[str, ...]) -> list[Shape]:
        return [it for it in self.now.values() if it and named and _is_called(it, named)]

    def _note_writes(self, seen: Seen) -> None:
        """Remembers which tables hold other rows than the live ones from here on."""
        words = squeezed(seen.source).upper().split(" ", 1)[:1]
        if (words and words[0] in ("DO", "CALL")) or (seen.doomed and seen.doomed.bodies):
            self._may_write_anything = True
        elif words and words[0] in WRITES:
            named = names_in(seen.source)
            self._written |= {it.oid for it in self.now.values() if it and it.name in named}

    def _rewritten(self, seen: Seen) -> Shapes:
        """The tables whose values USING makes anew; they may look the same behind it."""
        if not seen.using or not (named := names(usings(seen.source)[0])):
            return {}
        tops = {oid for oid, it in self.now.items() if it and _is_called(it, named)}
        while more := {oid for oid, it in self.now.items() if it and tops.intersection(it.parents)} - tops:
            tops |= more
        return {oid: self.now[oid] for oid in tops}

    def _table(self, before: Shape, after: Shape | None, seen: Seen) -> Iterator[Threat]:
        first = self.first[before.oid]
        if after is None:
            yield Threat("table", first.oid, self._root(before, seen), "dropped", _own_rows(first))
            return
        for number, column in first.columns.items():
            was, now = before.columns.get(number), after.columns.get(number)
            if was is None or column.generated:
                continue
            path = (*self._root(before, seen), column.name)
            if now is None:
                yield Threat("column", first.oid, path, "dropped", _values(first, column.name))
            elif question := narrowed(first, before, was, now, seen.using):
                kind = f"{was.type} to {now.type}"
                yield Threat("column", first.oid, path, kind, (question,) if first.kind == "r" else ())

    def _root(self, shape: Shape, seen: Seen) -> tuple[str, str]:
        """The live names of the partitioned table of which this is done to all partitions, or of the table itself."""
        for oid in shape.parents:
            parent = self.now.get(oid)
            if parent and parent.kind == "p" and shape.bound and (oid in seen.shapes or _names(seen, parent)):
                return self._root(parent, seen)
        first = self.first[shape.oid]
        return first.schema, first.name

    def _emptied(self, seen: Seen) -> Iterator[Threat]:
        """Those whose rows lie in another file now, where the statement says TRUNCATE; and those emptied in place.

        So it does with a table whose file is of the same transaction, as after a change of a column's type.
        """
        if "truncate" not in names_in(seen.source):
            return
        for oid in (_moved(seen) - seen.shapes.keys()) | self._emptied_in_place(seen):
            if shape := self.now.get(oid):
                yield Threat("table", oid, self._root(shape, seen), "truncated", _own_rows(self.first[oid]))

    def _emptied_in_place(self, seen: Seen) -> set[int]:
        if not self._anew or "truncate" not in names_in(_acting(seen.source)):
            return set()
        there = [shape for shape in self.now.values() if shape]
        found = {shape.oid for shape in there if _names(seen, shape)}
        is_cascade = "cascade" in names_in(seen.source)
        while more := {shape.oid for shape in there if found.intersection(_above(shape, is_cascade))} - found:
            found |= more
        return found & self._anew


def _above(shape: Shape, is_cascade: bool) -> set[int]:
    """The tables with which a TRUNCATE empties this one as well."""
    return {*shape.parents, *(shape.others if is_cascade else ())}


def _moved(seen: Seen) -> set[int]:
    """The tables whose rows lie in another file after a statement."""
    return {
        oid for oid, (before, after) in seen.changes.items() if after.filenode not in (0, before.filenode)
    }


def _is_as_first(shape: Shape, first: Shape) -> bool:
    """Whether the live table has the same names, and what these hold."""
    columns = [{(it.name, it.type) for it in one.columns.values()} for one in (shape, first)]
    return (shape.schema, shape.name) == (first.schema, first.name) and columns[0] <= columns[1]


def _of(first: Shape, query: Query) -> Question:
    name, table = "loss_query", (first.schema, first.name)
    return Question(name, *table, value=query.text, is_unknown=query.is_unknown, links=query.links)


def _is_called(shape: Shape, named: tuple[str, ...]) -> bool:
    return (shape.schema, shape.name)[-len(named) :] == named[-2:]


def _names(seen: Seen, shape: Shape) -> bool:
    return shape.name in names_in(seen.source)


def _same_columns(shape: Shape, first: Shape) -> bool:
    return all(
        number in shape.columns and shape.columns[number].type == it.type
        for number, it in first.columns.items()
    )


def _own_rows(first: Shape) -> tuple[Question, ...]:
    return (Question("loss_rows", first.schema, first.name),) if first.kind == "r" else ()


def _values(first: Shape, column: str) -> tuple[Question, ...]:
    return (Question("loss_values", first.schema, first.name, column),) if first.kind == "r" else ()


def _merged(threats: Sequence[Threat]) -> list[Threat]:
    """Those of a partitioned table and its partitions as one."""
    found: dict[tuple[object, ...], Threat] = {}
    for one in threats:
        before = found.get(one.key)
        found[one.key] = replace(before, questions=before.questions + one.questions) if before else one
    return [one for one in found.values() if one.questions]
