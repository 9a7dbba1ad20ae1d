"""What the catalog says of a table with duplicates and the tables around it, as duplicate_facts.sql writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from sqlrail.orphans import facts as orphans
from sqlrail.orphans.facts import Comparison, Table


class Written(Table):
    """A table whose rows may go or be changed."""

    primary_key: list[str]
    given: dict[str, str]  # columns that may not get another value, and why
    forbidden: list[list[str]]  # DELETE or UPDATE, and why it may not be done to its rows


class Key(TypedDict):
    """A foreign key whose rows may refer to one that goes."""

    name: str
    of: int  # the table that it refers to
    child: int
    columns: list[str]
    keys: list[str]
    types: list[str]  # of the columns, without a length and below a domain
    operators: list[Comparison]
    is_partial: bool  # whether it refers to a partition alone
    is_period: bool


class Index(TypedDict):
    """A unique index over what is pointed elsewhere."""

    name: str
    table: int
    columns: list[str]  # that it hangs on
    expressions: list[str]
    operators: list[Comparison]
    predicate: str | None
    nulls_equal: bool
    is_ours_to_run: bool  # whether it runs nobody's functions


@dataclass(frozen=True, kw_only=True)
class Facts(orphans.Facts):
    """What the catalog says; `child` is the table whose duplicates go."""

    tables: Mapping[str, Written] = field(default_factory=dict)  # by their OIDs, which JSON makes texts
    affected: Sequence[int] = ()  # tables that may lose rows
    keys: Sequence[Key] = ()
    indexes: Sequence[Index] = ()

    @property
    def table(self) -> int:
        """The OID of the table."""
        assert self.child_oid is not None
        return self.child_oid

    def of(self, table: int) -> Written:
        """What is said of one of the tables."""
        return self.tables[str(table)]

    @property
    def written(self) -> list[Table]:
        """The tables that a cleanup writes to."""
        return list(self.tables.values())

    @property
    def children(self) -> list[int]:
        """The tables whose rows may be pointed elsewhere, in order."""
        return list(dict.fromkeys(key["child"] for key in self.keys))

    def indexes_of(self, table: int) -> list[Index]:
        """Those by which its rows may become duplicates; what runs somebody's function is left to the server."""
        return [one for one in self.indexes if one["table"] == table and one["is_ours_to_run"]]

    def decides(self, key: Key) -> bool:
        """Whether pointing a key's rows elsewhere may make duplicates of them."""
        return any(set(key["columns"]) & set(one["columns"]) for one in self.indexes_of(key["child"]))
