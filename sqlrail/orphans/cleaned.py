"""What a look at a constraint has found, and what became of the rows that violate it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import sql

from sqlrail.ground.check import Check
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.events import Orphans
from sqlrail.ground.names import join
from sqlrail.ground.relation import Relation
from sqlrail.ground.words import counted
from sqlrail.orphans.duplicates.told import Duplicates
from sqlrail.orphans.expressions import joined, table
from sqlrail.orphans.facts import Facts
from sqlrail.orphans.placed import Placed

if TYPE_CHECKING:
    from sqlrail.results.relation import Becomes, CleanedResult, OrphanResult


#: how many times more orphans there may be than a sample has let expect
FAR_OUT = 2


@dataclass(frozen=True)
class Seen:
    """What a close look at a relation found; counts are rows of the child, times are text in UTC."""

    rows: int
    missing_keys: int | None  # as the next of relations only
    null_keys: int | None
    oldest: str | None
    newest: str | None
    samples: list[OrphanResult]  # of the keys that most rows miss: key, the primary key of one row, rows
    timestamp: str | None  # the column that the oldest and the newest are told by


class Load(NamedTuple):
    """What other nodes have to do, as a look has it."""

    orphans: int = 0  # about so many
    share: float = 0.0  # of the rows
    parallel: bool = False  # see may_be_parallel()
    connections: int | None = None  # to each node, at the most; None: as Citus is set


#: where nobody has looked
NOTHING = Load()


@dataclass(frozen=True)
class Cleaned:
    """What became of a relation's orphans; counts are rows, archived ones include those of cascades."""

    relation: Constraint
    orphans: int = 0
    deleted: int = 0
    archived: int = 0
    changed: int = 0  # whose columns were set to null or default
    mixed: int = 0  # with a null in some of the columns, not in all, which a key that is MATCH FULL forbids
    run: int | None = None
    skipped: str | None = None
    refusals: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    cascades: tuple[str, ...] = ()
    foreign_keys: tuple[str, ...] = ()
    seen: Seen | None = field(default=None, compare=False)
    #: where a look has found the orphans
    placed: Placed | None = field(default=None, compare=False, repr=False)
    #: so many orphans a look lets pass that has seen a sample, and says about how many there are
    passed: int | None = field(default=None, compare=False, repr=False)
    #: as many connections to each other node as are worth it
    connections: int | None = field(default=None, compare=False, repr=False)
    duplicates: Duplicates | None = None  # what becomes of what refers to them
    counted_before: tuple[str, ...] = field(
        default=(), compare=False
    )  # cleanups whose changes the look has not seen
    #: what the catalog said
    facts: Facts = field(default_factory=Facts, compare=False, repr=False)

    @property
    def action(self) -> Becomes | None:
        """What becomes of its orphans: delete, set null or set default; None where nobody has decided it."""
        return self.facts.action

    @property
    def is_undecided(self) -> bool:
        """Whether nobody has said what becomes of its orphans; it is refused then."""
        return bool(self.facts.undecided)

    @property
    def expected(self) -> int:
        """How many orphans a cleanup is to find; where nobody has counted them, at the most."""
        return FAR_OUT * self.orphans if self.is_sampled else self.orphans

    @property
    def is_sampled(self) -> bool:
        """Whether its orphans are counted only about."""
        return self.passed is not None

    def load(self, *, parallel: bool) -> Load:
        """What other nodes have to do. parallel: see may_be_parallel()."""
        # Where the rows were counted, or a sample of them: those on other nodes.
        rows = self.facts.estimate
        share = self.orphans / rows if self.facts.together and rows > 0 else 0.0
        return Load(self.orphans, share, parallel, self.connections)

    @property
    def is_countable(self) -> bool:
        """Whether it can have orphans: what is no key makes none."""
        return not self.skipped and not self.facts.wrong and bool(self.facts.countable)

    @property
    def cleaned(self) -> int:
        """Rows that were deleted or changed."""
        return self.deleted + self.changed

    @property
    def left(self) -> int:
        """Orphans that were found and not cleaned, by an online cleanup: somebody else had them in hand."""
        return max(0, self.orphans - self.cleaned) if self.run else 0

    def counting(self, rows: int) -> Cleaned:
        """With so many rows more that were cleaned, as its action has it."""
        if self.facts.sets:
            return replace(self, changed=self.changed + rows)
        return replace(self, deleted=self.deleted + rows)

    def plus(self, more: Cleaned) -> Cleaned:
        """Both, of two rounds over the same relation."""
        return replace(
            self,
            orphans=self.orphans + more.orphans,
            deleted=self.deleted + more.deleted,
            changed=self.changed + more.changed,
            archived=self.archived + more.archived,
            run=self.run or more.run,
            duplicates=more.duplicates and more.duplicates.after(self.duplicates),
        )

    @property
    def summary(self) -> Orphans:
        """What became of them, for whoever listens; it was not refused, and there were some."""
        action = self.action or "delete"
        if found := self.duplicates:
            return Orphans(
                str(self.relation), action, found.deleted, self.archived, 0, self.run, found.changed
            )
        return Orphans(str(self.relation), action, self.cleaned, self.archived, self.left, self.run)

    def as_json(self) -> CleanedResult:
        """What became of them, for scripts."""
        relation, seen = self.relation, self.seen
        return {
            "kind": relation.kind,
            "child": join(*relation.child),
            "column": _columns(relation.columns),
            "columns": list(relation.columns),
            "parent": join(*relation.parent) if isinstance(relation, Relation) else None,
            "key": _columns(relation.keys) if isinstance(relation, Relation) else None,
            "keys": list(relation.keys) if isinstance(relation, Relation) else [],
            "check": relation.name if isinstance(relation, Check) else None,
            "orphans": self.orphans,
            "action": self.action,
            "value": relation.said.value if relation.said else None,
            "undecided": self.is_undecided,
            "deleted": self.deleted,
            "changed": self.changed,
            "archived": self.archived,
            "left": self.left,
            "rows": seen.rows if seen else None,
            "missing_keys": seen.missing_keys if seen else None,
            "null_keys": seen.null_keys if seen else None,
            "mixed_keys": self.mixed,
            "timestamp": seen.timestamp if seen else None,
            "oldest": seen.oldest if seen else None,
            "newest": seen.newest if seen else None,
            "samples": list(seen.samples) if seen else [],
            "run": self.run,
            "skipped": self.skipped,
            "counted_before": list(self.counted_before),
            "duplicates": self.duplicates.as_json() if self.duplicates else None,
            "refusals": list(self.refusals),
            "triggers": list(self.triggers),
            "cascades": list(self.cascades),
            "foreign_keys": list(self.foreign_keys),
        }

    def may_orphan(self, other: Cleaned) -> bool:
        """Whether rows that it deletes, or changes by a cascade, may be parents of the other's."""
        return other.facts.parent_oid in self.facts.losing


def may_be_parallel(due: Sequence[Cleaned]) -> bool:
    """Whether nodes may change rows on several connections at once, where all of these are cleaned in one transaction.

    A reference table's rows are on each node: changed on one connection, they cannot be joined with shards that were
    changed on another.
    """
    return len(due) == 1 or all(one.facts.spread for one in due)


def _columns(columns: tuple[str, ...]) -> str | None:
    if not columns:
        return None
    return columns[0] if len(columns) == 1 else f"({', '.join(map(join, columns))})"


def in_their_turn(seen: Iterable[tuple[str, Cleaned]]) -> Iterator[Cleaned]:
    """Looks at constraints that are cleaned one after the other, each with those before it that change its tables.

    All were counted on the rows of today. Each has in front of it the file that it is told of, if any.
    """
    earlier: list[tuple[str, Cleaned]] = []
    for file, one in seen:
        names = [
            str(other.relation) if of == file else of
            for of, other in earlier
            if one.facts.names_read & other.facts.names_written
        ]
        if (one.orphans or names) and not (one.skipped or one.refusals):
            earlier.append((file, one))
        yield replace(one, counted_before=tuple(dict.fromkeys(names)))


def mixed_rows(one: Cleaned) -> str:
    """What there is to do about the rows that a key which is MATCH FULL forbids, though they have lost no parent."""
    columns = one.relation.columns
    question = sql.SQL("SELECT * FROM {} WHERE num_nonnulls({}) BETWEEN 1 AND {}").format(
        table(one.facts.child), joined(", ", map(sql.Identifier, columns)), len(columns) - 1
    )
    rows = counted(one.mixed, "row has", "rows have")
    return (
        f"{rows} a null in some of its columns and not in all, which its key forbids (MATCH FULL) and no parent mends: "
        f"{question.as_string()}"
    )


def effects(facts: Facts) -> dict[str, Any]:
    """What else a cleanup touches, in words, as the fields of Cleaned."""
    goes_on = facts.parent_oid in facts.losing and not facts.sets
    return {
        "triggers": tuple(f"{trigger['name']} on {trigger['table']}" for trigger in facts.triggers),
        "cascades": tuple(f"{edge['constraint']}: {edge['action']}" for edge in facts.cascades)
        + (("the rows below them go as well",) * goes_on),
        "foreign_keys": tuple(
            f"{key['name']}{'' if key['validated'] else ', not valid'}: on delete {key['on_delete']}"
            for key in facts.foreign_keys
        ),
    }
