"""What the catalog says of a relation and the tables around it, as _relation.sql writes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Self

    from sqlrail.results.relation import Becomes

F = TypeVar("F", bound="Facts")

#: for a key and a column: schema and name of the operator that compares them, the type that the column is read as, and
#: the collation under which it is done, the last two with their schemas; null where nothing need be said
Comparison = list[str]


class Table(TypedDict, total=False):
    """A table; of one whose rows are only counted, its columns are not known."""

    name: str  # with its schema, quoted
    schema: str
    table: str
    only: bool  # whether it has no partitions
    columns: list[str]  # but for generated ones
    recast: list[str]  # of those, the ones that a cast to text would not write as their type does


class Edge(TypedDict):
    """A foreign key by which rows go, or are changed, with those that it refers to."""

    constraint: str
    depth: int
    action: str  # cascade, set null or set default
    table: Table
    referenced: Table
    columns: list[str]
    keys: list[str]
    operators: list[Comparison]


class ForeignKey(TypedDict, total=False):
    """A key that says the same as the relation."""

    name: str
    validated: bool
    on_delete: str
    full: bool  # MATCH FULL


class Trigger(TypedDict):
    """One that fires for a row that is deleted or changed."""

    name: str
    table: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the catalog says of a constraint's tables; where there was no row to ask more for, no more than this."""

    absent: str | None = None  # which table or column there is not; then there is nothing else
    lacks_table: bool = False  # whether it is the table that is not there
    wrong: str | None = None  # what was asked and cannot be, of a table that is there
    holds: str | None = None  # why no row can violate it
    expression: str | None = None  # of a check, as SQL
    child: Table = field(default_factory=Table)
    parent: Table = field(default_factory=Table)
    child_oid: int | None = None
    parent_oid: int | None = None
    operators: Sequence[Comparison] = ()
    countable: bool = False  # whether it can have orphans: what is no key makes none
    is_empty: bool = False  # whether the child is known to have no row
    action: Becomes | None = None  # what becomes of orphans
    sets: Sequence[str] | None = None  # the columns that are set; none where rows are deleted
    defaults: Mapping[str, str] = field(default_factory=dict)  # of those columns, as SQL
    undecided: str | None = None  # why nobody has decided the action
    losing: Sequence[int] = ()  # tables that lose rows: parents of others' orphans
    foreign_keys: Sequence[ForeignKey] = ()
    triggers: Sequence[Trigger] = ()
    cascades: Sequence[Edge] = ()
    primary_key: Sequence[str] = ()
    timestamp: str | None = None  # a column that tells how old a row is
    estimate: int = 0  # of the child's rows
    published: str | None = None  # publications that the archive is in
    citus: bool = False
    distributed: bool = False  # whether rows of the child or the parent lie on other nodes
    together: bool = False  # whether each of these finds the orphans among its own rows by itself
    spread: bool = False  # whether a column of the child says on which of them a row lies
    alone: bool = False  # whether the child is one shard there
    packs: bool = False  # whether a row of the archive may be many of theirs
    refusals: Sequence[str] = ()

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Self:
        """From the object that the catalog's answer is."""
        return cls(**{name: value for name, value in said.items() if value is not None})

    @property
    def is_tree(self) -> bool:
        """Whether rows below those that are deleted are orphans in turn, of the same relation."""
        return self.child_oid == self.parent_oid and not self.sets and not self.distributed

    @property
    def may_be_mixed(self) -> bool:
        """Whether a row with a null in some of its columns, and not in all, violates a key."""
        return any(key.get("full") for key in self.foreign_keys)

    @property
    def written(self) -> list[Table]:
        """The tables that a cleanup writes to: the child, and those that a delete would cascade into."""
        return [self.child, *(edge["table"] for edge in self.cascades)]

    @property
    def names_read(self) -> set[str]:
        """The names of the tables whose rows say which of them violate the constraint."""
        return {table["name"] for table in (self.child, self.parent) if table}

    @property
    def names_written(self) -> set[str]:
        """The names of those that are written to."""
        return {table["name"] for table in self.written}
