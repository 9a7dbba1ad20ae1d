"""Which live rows pending statements will fail on: what each newly demands, asked of the rows as they are by then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlrail.files.file import File
from sqlrail.foresight import counts
from sqlrail.foresight.counts import Counted, Question
from sqlrail.foresight.demands import Demand, demands
from sqlrail.foresight.judged import Check
from sqlrail.foresight.later import Judge, Later
from sqlrail.foresight.questions import Moment, Passes, Unknown, question
from sqlrail.foresight.remedies import cleaned_by, remedy, sentence_of
from sqlrail.foresight.tables import Live, LiveTable, look
from sqlrail.foresight.writes import Write, Writes
from sqlrail.ground.names import join
from sqlrail.ground.settings import Settings
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection
from sqlrail.schema.catalog import look_limits
from sqlrail.scratch.scene import Scene
from sqlrail.scratch.seen import DONE, Seen
from sqlrail.scratch.shapes import Lean, Shape, Shapes

#: the checks of each statement of a file, in its order
Found = dict[str, list[tuple[Check, ...]]]
#: live tables that files change or refer to, and the names of the functions that are PostgreSQL's own
Tables = tuple[Live, set[str]]


def foresee(settings: Settings, scene: Scene, files: Sequence[File], tables: Tables) -> Found:
    """What live rows must be like for each statement to pass, and whether they are.

    Raises DatabaseFailed where nothing can be counted.
    """
    asked = _Walk(scene, *tables).all(files)
    counted = counts.ask_all(settings, [one.question for one in asked if callable(one.question)])
    answers = iter(counted)
    found: Found = {file.id: [()] * len(scene.seen.get(file.id, ())) for file in files}
    for one in asked:
        check = one.judged(next(answers) if callable(one.question) else None)
        found[one.file.id][one.number] += (check,)
    return found


def look_at_tables(connection: Connection, settings: Settings, scene: Scene, files: Sequence[File]) -> Tables:
    """The live tables that the files change, or refer to, and the functions that are PostgreSQL's own."""
    seen = [one for file in files for one in scene.seen.get(file.id, ())]
    shapes = [shape for one in seen for shape in one.shapes.values() if shape]
    oids = {oid for one in seen for oid in one.shapes}
    oids |= {other for shape in shapes for other in shape.others}
    first = [scene.snapshots.first[oid] for oid in sorted(oids & scene.snapshots.first.keys())]
    if not first:
        return Live({}, {}), set()
    leans = {lean for shape in shapes for lean in _leans(shape)} | {
        lean for one in seen for how in one.using.values() for lean in how.leans
    }
    limits, every = look_limits(connection, settings), scene.snapshots.first.values()
    live = look(connection, limits, first, leans, every)
    calls = any(one.source[:6].upper().startswith(("SELECT", "WITH", "VALUES")) for one in seen)
    own = wire.ask(connection, "own_functions") if calls else []
    return live, {name for (name,) in own}


def _leans(shape: Shape) -> Iterator[Lean]:
    for column in shape.columns.values():
        yield from column.leans
        for check in column.domains:
            yield from check.leans
    for constraint in shape.constraints.values():
        yield from constraint.leans
    for index in shape.indexes.values():
        yield from index.leans


@dataclass(frozen=True)
class Asked:
    """A demand of a statement, how it is asked about, and what writes to its tables before."""

    file: File
    number: int  # of the statement, from 0
    demand: Demand
    at: Moment
    question: Question | Unknown | Passes
    relation: str
    columns: tuple[str, ...]
    writes: tuple[Write, ...] = ()
    parent_writes: tuple[Write, ...] = ()
    parent_columns: tuple[str, ...] = ()
    remedy: str | None = None
    cleaned: str | None = None  # the cleanup of the file that mends it

    def judged(self, counted: Counted | None) -> Check:
        """What its answer means."""
        demand = self.demand
        check = Check(demand.kind, self.relation, "passes", self.columns, demand.name)
        match self.question:
            case Passes():
                return replace(check, rows=0)
            case Unknown(why):
                return replace(check, verdict="unknown", why=why)
        assert counted
        if counted.why:
            return replace(check, verdict="unknown", why=counted.why)
        if not counted.rows and not counted.are_many:
            return self._without_rows(check)
        says = sentence_of(demand, self.at.after, counted.state)
        return self._with_rows(replace(check, rows=counted.rows, keys=counted.keys, says=says))

    def _with_rows(self, check: Check) -> Check:
        if self.cleaned and not self._spoiling:
            return replace(check, unless=self.cleaned)
        mending = [it for it in self.writes if it.mends(self._names)]
        mending += [it for it in self._parent_writes if it.verb != "DELETE"]
        if mending:
            return replace(check, verdict="fails unless", unless=mending[0].place, remedy=self.remedy)
        return replace(check, verdict="fails", remedy=self.remedy)

    def _without_rows(self, check: Check) -> Check:
        if spoiling := self._spoiling:
            why = f"no row is in the way now, but {spoiling[0].place} writes before it"
            return replace(check, verdict="unknown", why=why, unless=spoiling[0].place)
        return replace(check, rows=0)

    @property
    def _spoiling(self) -> list[Write]:
        """What may bring rows in the way; not the cleanup that takes them away."""
        own = [it for it in self.writes if it.spoils(self._names) and it.place != self.cleaned]
        return own + [it for it in self._parent_writes if it.verb != "INSERT"]

    @property
    def _parent_writes(self) -> list[Write]:
        return [it for it in self.parent_writes if it.verb != "UPDATE" or it.touches(self.parent_columns)]

    @property
    def _names(self) -> set[str]:
        """Of the columns, by now and before; none where any may matter."""
        numbers = self.at.read(self.demand)
        first = self.at.rows.first_names
        return {name for it in numbers for name in (first.get(it), self.at.rows.names.get(it)) if name}


@dataclass
class _Walk:
    """Goes through the pending statements in their order, with the rows of each table as they are by then."""

    scene: Scene
    live: Live
    functions: set[str]
    now: Shapes = field(init=False)
    there: list[Shape] = field(init=False)  # the shapes of now
    laters: dict[int, Later] = field(init=False)
    writes: Writes = field(init=False)

    def __post_init__(self) -> None:
        first = self.scene.snapshots.first
        self.now, self.there = dict(first), list(first.values())
        self.laters = {oid: Later.first(first[oid], live) for oid, live in self.live.tables.items()}
        views = {it.name for it in self.scene.watched.values() if it.kind == "v"}
        self.writes = Writes(self.functions, views)
        self.judge = Judge(self.scene.snapshots, self.live.extensions)

    def all(self, files: Sequence[File]) -> list[Asked]:
        """Everything that is demanded."""
        return [one for file in files for one in self._file(file)]

    def _file(self, file: File) -> Iterator[Asked]:
        start = dict(self.now)
        for one in file.relations():
            self.writes.clean(one, f"-- cleanup: {one}", self.there)
        for number, seen in enumerate(self.scene.seen.get(file.id, ())):
            yield from self._statement(file, number, seen, start)
            if seen.source:
                words = tuple(word.upper() for word in seen.source[:200].replace("(", " ").split(None, 4)[:4])
                self.writes.add(words, seen.source, self._place(file, seen), self.there)

    def _place(self, file: File, seen: Seen) -> str:
        return f"{file.id} line {seen.place[0]}"

    def _statement(self, file: File, number: int, seen: Seen, start: Shapes) -> Iterator[Asked]:
        before = {oid: self.now[oid] for oid in seen.shapes}
        laters = dict(self.laters) if seen.shapes else {}
        if seen.shapes:
            self.now |= seen.shapes
            self.there = [shape for shape in self.now.values() if shape]
        for oid, shape in seen.shapes.items():
            self._move_on(oid, before[oid], shape, seen)
        if seen.is_back or seen.note == DONE:
            return
        for oid, after in seen.shapes.items():
            was = before[oid]
            if was and after:
                at = self._moment(was, after, laters, seen)
                for demand in demands(was, after, seen.using):
                    yield from self._asked(file, number, demand, at, start)

    def _move_on(self, oid: int, before: Shape | None, after: Shape | None, seen: Seen) -> None:
        if before is None or after is None or oid not in self.laters:
            return
        later = self.laters[oid].behind(before, after, {} if seen.is_back else seen.using, self.judge)
        if seen.is_back:
            why = "a savepoint before it takes back what was changed"
            later = replace(later, why=dict.fromkeys(after.columns, why))
        self.laters[oid] = later

    def _moment(self, was: Shape, after: Shape, laters: Mapping[int, Later], seen: Seen) -> Moment:
        first = self.scene.snapshots.first[after.oid]
        missing = Later.first(first, LiveTable(first.schema, first.name))
        rows_before, rows = (it.get(after.oid, missing) for it in (laters, self.laters))
        return Moment(was, after, rows_before, rows, seen.using, self.judge, self.live.tables)

    def _asked(self, file: File, number: int, demand: Demand, at: Moment, start: Shapes) -> Iterator[Asked]:
        after, first = at.after, self.scene.snapshots.first[at.after.oid]
        if after.kind == "p" and at.rows.live.is_there and not at.rows.live.children:
            return  # its partitions speak
        key = demand.constraint
        parent = key.foreign if key else 0
        other = self.now.get(parent)
        yield Asked(
            file,
            number,
            demand,
            at,
            question(demand, at, self.laters),
            join(first.schema, first.name),
            tuple(after.columns[it].name for it in demand.columns if it in after.columns),
            tuple(self._seen_from(file, self.writes.to(after.oid))),
            tuple(self._seen_from(file, self.writes.to(parent))) if parent else (),
            tuple(other.columns[it].name for it in key.foreign_columns) if key and other else (),
            remedy(demand, after, start, self.now),
            cleaned_by(file, demand, after, self.now),
        )

    def _seen_from(self, file: File, writes: Iterator[Write]) -> Iterator[Write]:
        """With their places as they are said in that file."""
        for one in writes:
            yield replace(one, place=one.place.removeprefix(f"{file.id} "))
