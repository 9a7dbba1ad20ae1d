"""The rows that are restored together: of one relation, one table, one action, and the same columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psycopg import sql

from sqlrail.ground.names import join
from sqlrail.orphans import expressions
from sqlrail.orphans.session import Session, message

#: the kind of rows that are still there: columns of theirs were set, or refer to another row since
CHANGED = "changed"
#: the kinds of those that were deleted for themselves; older versions called them all orphans
FOR_THEMSELVES = ("orphan", "not null", "check")

#: a foreign key of the table or a relation in its form, as restore_facts.sql and restore_parent.sql have it
Key = dict[str, Any]


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
    distributed: bool = False  # whether Citus keeps its rows on other nodes
    distribution_column: str | None = None  # that says on which of them a row lies


@dataclass(frozen=True)
class Shape:
    """Rows as they were staged, and with its last four fields what `Look` has found about them."""

    number: int
    relation: str
    source: str
    kind: str  # deleted for itself, as a duplicate or by a cascade; or changed
    columns: list[str]  # that were archived
    rows: int
    # of columns that were set, those whose new value the archive has
    became: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)  # by which they were archived
    facts: Facts | None = None
    keys: list[Key] = field(default_factory=list)
    stuck: str | None = None  # why none of its rows can go anywhere
    of: Shape | None = None  # that its rows were parted from

    @property
    def is_update(self) -> bool:
        """Whether its rows are still there."""
        return self.kind == CHANGED

    @property
    def set_to(self) -> str | None:
        """What all its columns were set to, as a key's ON DELETE says it: n or d; None: one or the other."""
        (action, *others) = self.actions or [""]
        return None if others else {"set null": "n", "set default": "d"}.get(action)

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


def with_key(keys: list[Key], key: Key) -> list[Key]:
    """A relation in front of the other keys that say which rows may go back."""
    # A foreign key that says the same guards it, and needs no look of its own.
    if any(each["guarded"] and is_of_same_columns(each, key) for each in keys):
        return keys
    return [key, *keys]


def is_of_same_columns(key: Key, other: Key) -> bool:
    """Whether two keys are of the same columns."""
    return all(key[name] == other[name] for name in ("columns", "keys", "schema", "table"))


def is_contested(keys: list[Key]) -> bool:
    """Whether a deletion by one of the keys might find nothing, because another has emptied its columns."""
    keys = [key for key in keys if key["is_deleted"]]
    deleting = {column for key in keys if key["on_delete"] == "c" for column in key["columns"]}
    return any(deleting & set(key["sets"]) for key in keys if key["on_delete"] in "nd")


def emptied(shape: Shape, facts: Facts) -> dict[str, list[str]]:
    """The columns that keys may have set, each with the values that they leave, as SQL."""
    left: dict[str, list[str]] = {column: [] for column in shape.became}
    if left:
        return left
    for key in shape.keys:
        for column in key["sets"]:
            values = {"n": ["NULL"], "d": [facts.defaults[column]]}
            left.setdefault(column, []).extend(values.get(key["on_delete"], [*values["n"], *values["d"]]))
    if len(left) > 1:  # where Citus keeps the rows, that one was none of them
        left.pop(facts.distribution_column or "", None)
    return {column: list(dict.fromkeys(left[column])) for column in sorted(left)}


def left_by(session: Session, shape: Shape, facts: Facts) -> dict[str, sql.Composable]:
    """Whether a row p is the archived row r as it was left."""
    if shape.became:
        return _left_as_archived(session, shape, facts)
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


def _left_as_archived(session: Session, shape: Shape, facts: Facts) -> dict[str, sql.Composable]:
    """The same where the archive has what cells became: texts are compared, for not every type has an equality."""
    recast = {column["name"] for column in facts.columns if column["recast"]}
    now, became, old = {}, {}, {}
    for name in shape.became:
        text = expressions.spelt if name in recast else expressions.as_text
        now[name], old[name] = (text(expressions.column_of(alias, name)) for alias in ("p", "r"))
        became[name] = _became(session, facts, name)
    keys = zip(facts.primary, keys_now(session, shape, facts), strict=True)
    return {
        # What is in a key has an equality, and is looked up by it.
        "matches": sql.SQL(" AND ").join(
            sql.SQL("p.{} = {}").format(sql.Identifier(name), value) for name, value in keys
        ),
        "untouched": sql.SQL(" AND ").join(
            sql.SQL("({0} IS NOT DISTINCT FROM {1} OR {0} IS NOT DISTINCT FROM {2})").format(
                now[name], became[name], old[name]
            )
            for name in shape.became
        ),
        "emptied": sql.SQL(" OR ").join(
            sql.SQL("{} IS DISTINCT FROM {}").format(now[name], old[name]) for name in shape.became
        ),
    }


def keys_now(session: Session, shape: Shape, facts: Facts) -> list[sql.Composable]:
    """The primary key by which the archived row r is found by now."""
    bases = {column["name"]: sql.SQL(column["base"]) for column in facts.columns}
    return [
        sql.SQL("{}::{}").format(_became(session, facts, name), bases[name])
        if name in shape.became
        else expressions.column_of("r", name)
        for name in facts.primary
    ]


def witnesses(shape: Shape, facts: Facts) -> list[str]:
    """The columns by which a row is told to be as it was left."""
    columns = [*emptied(shape, facts), *(column for key in shape.keys for column in key["columns"])]
    return list(dict.fromkeys(columns))


def _became(session: Session, facts: Facts, column: str) -> sql.Composable:
    return sql.SQL(message(session, "_became_cell", column=column, id=facts.id).decode())


def is_row(columns: list[str]) -> sql.Composable:
    """A row r is the row p."""
    return sql.SQL(" AND ").join(
        sql.SQL("p.{0} = r.{0}").format(sql.Identifier(column)) for column in columns
    )


def listing(names: list[str]) -> str:
    """Names of columns, for people."""
    return ", ".join(join(name) for name in names)
