"""The rows that are restored together: of one relation, one table, one action, and the same columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psycopg import sql

from sqlrail.ground.names import join
from sqlrail.orphans.session import Session, message

#: the kind of rows that are still there: one or several keys have set columns of theirs to null or default
CHANGED = "changed"


@dataclass(frozen=True)
class Facts:
    """What the catalog says of the table that rows go back to, and how statements name it."""

    path: tuple[str, str]  # its schema and its name
    all: list[str]  # its columns' names
    columns: list[dict[str, Any]]  # that were archived, and can be written to
    lost: list[str]  # that were archived, and cannot be written to
    needed: list[str]  # that are new, and may not be null
    primary: list[str]
    unique: list[dict[str, Any]]
    defaults: dict[str, str]
    sequences: list[dict[str, Any]]
    triggers: list[dict[str, Any]]
    rules: list[str]
    stored: sql.Composable  # where the rows wait
    id: sql.Composable  # their number there
    rows: bytes  # those as rows of the table, in a FROM
    table: sql.Composable
    target: sql.Composable  # the same without the tables that inherit from it


@dataclass
class Shape:
    number: int
    relation: str
    source: str
    kind: str  # deleted as an orphan or by a cascade, or changed
    columns: list[str]  # that were archived
    rows: int
    facts: Facts | None = None
    keys: list[dict[str, Any]] = field(default_factory=list)
    stuck: str | None = None  # why none of its rows can go anywhere
    of: Shape | None = None  # that its rows were parted from

    @property
    def is_update(self) -> bool:
        """Whether its rows are still there."""
        return self.kind == CHANGED

    def message(self, session: Session, name: str, **parts: Any) -> bytes:
        """The text of a file of ours about its rows."""
        assert self.facts is not None
        common: dict[str, Any] = {
            name: getattr(self.facts, name) for name in ("stored", "rows", "id", "table", "target")
        }
        common |= {name: message(session, name) for name in ("ours", "writes")}
        return message(session, name, shape=self.number, **{**common, **parts})

    def ask(self, session: Session, name: str, **parts: Any) -> list[tuple[Any, ...]]:
        """What such a message returns."""
        return session.ask(self.message(session, name, **parts))


def add(shape: Shape, key: dict[str, Any]) -> None:
    """Takes in a relation as one of the keys that say which rows may go back."""
    # A foreign key that says the same guards it, and needs no look of its own.
    if not any(it["guarded"] and says_the_same(it, key) for it in shape.keys):
        shape.keys.insert(0, key)


def says_the_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two keys are of the same columns."""
    return all(one[name] == other[name] for name in ("columns", "keys", "schema", "table"))


def is_contested(keys: list[dict[str, Any]]) -> bool:
    """Whether a deletion by one of the keys might find nothing, because another has emptied its columns."""
    keys = [key for key in keys if key["is_deleted"]]
    deleting = {column for key in keys if key["on_delete"] == "c" for column in key["columns"]}
    return any(deleting & set(key["sets"]) for key in keys if key["on_delete"] in "nd")


def emptied(shape: Shape, facts: Facts) -> dict[str, list[str]]:
    """The columns that keys may have set, each with the values that they leave, as SQL."""
    left: dict[str, list[str]] = {}
    for key in shape.keys:
        for column in key["sets"]:
            values = {"n": ["NULL"], "d": [facts.defaults[column]]}
            left.setdefault(column, []).extend(values.get(key["on_delete"], [*values["n"], *values["d"]]))
    return {column: list(dict.fromkeys(left[column])) for column in sorted(left)}


def left_by(shape: Shape, facts: Facts) -> dict[str, sql.Composable]:
    """Whether a row p is the archived row r as the keys have left it."""
    set_to = emptied(shape, facts)
    untouched = []
    for column in dict.fromkeys(column for key in shape.keys for column in key["columns"]):
        name = sql.Identifier(column)
        same = [sql.SQL("p.{0} IS NOT DISTINCT FROM r.{0}").format(name)]
        same += [
            sql.SQL("p.{} IS NOT DISTINCT FROM ({})").format(name, sql.SQL(value))
            for value in set_to.get(column, [])
        ]
        untouched.append(sql.SQL("({})").format(sql.SQL(" OR ").join(same)))
    names = [sql.Identifier(column) for column in set_to]
    return {
        "matches": is_row(facts.primary),
        "untouched": sql.SQL(" AND ").join(untouched),
        "emptied": sql.SQL(" OR ").join(
            sql.SQL("p.{0} IS DISTINCT FROM r.{0}").format(name) for name in names
        ),
    }


def is_row(columns: list[str]) -> sql.Composable:
    """A row r is the row p."""
    return sql.SQL(" AND ").join(
        sql.SQL("p.{0} = r.{0}").format(sql.Identifier(column)) for column in columns
    )


def listing(names: list[str]) -> str:
    """Names of columns, for people."""
    return ", ".join(join(name) for name in names)
