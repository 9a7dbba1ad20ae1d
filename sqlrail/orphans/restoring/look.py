"""What the catalog says of the tables that rows go back to, and of the keys that say which of them may."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from psycopg import sql

from sqlrail.errors import SqlrailError
from sqlrail.files.folder import read_files
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.kinds import parse
from sqlrail.ground.names import join
from sqlrail.ground.relation import Relation
from sqlrail.ground.settings import Settings
from sqlrail.ground.unique import Unique
from sqlrail.orphans.ask import about_table, ask_facts, quickly
from sqlrail.orphans.restoring.shape import (
    CHANGED,
    FOR_THEMSELVES,
    Facts,
    Key,
    Shape,
    emptied,
    is_contested,
    is_of_same_columns,
    listing,
    with_key,
)
from sqlrail.orphans.session import Session, message
from sqlrail.postgres import wire

#: the facts that are as the catalog says them
AS_FOUND = (
    "all", "columns", "lost", "needed", "primary", "unique", "defaults", "sequences", "triggers", "rules",
)  # fmt: skip


class Look:
    """Finds the facts and the keys of each shape that was staged, or why none of its rows can go anywhere."""

    def __init__(self, session: Session, run: int, staged: list[Shape], *, force: bool) -> None:
        self.session, self.run, self.staged, self.force = session, run, staged, force
        self.notes: list[str] = []
        self.others: list[Relation] | None = None

    def look(self) -> list[Shape]:
        """All of them with what was found; behind them those that were parted from them."""
        shapes: list[Shape] = []
        parted: list[Shape] = []
        for staged in self.staged:
            shape, *more = self._part(self._look(staged), len(self.staged) + len(parted) + 1)
            shapes.append(shape)
            parted += more
        return shapes + parted

    def ask(self, name: str, **parts: Any) -> list[tuple[Any, ...]]:
        """What a message of ours returns."""
        return self.session.ask(message(self.session, name, **parts))

    def _named(self, name: object) -> bytes:
        return wire.named(self.session.connection, name)

    def _look(self, shape: Shape) -> Shape:
        sources = [each.source for each in self.staged if each.relation == shape.relation]
        # Its orphans may all be back already, and those that were changed with them not.
        sources.append(sql.Identifier(*parse(shape.relation).child).as_string())
        question = message(
            self.session,
            "restore_facts",
            source=self._named(shape.source),
            place=self._named(sql.SQL("name")),
            columns=shape.columns,
            changed=shape.is_update,
            sources=sources,
            primary_key=about_table(self.session, "_primary_key", "target.oid"),
        )
        found = self.session.ask(quickly(self.session, question))
        if not found:
            return replace(shape, stuck=f"there is no table {shape.source}")
        facts = self._facts(shape, found[0][0])
        keys, stuck = self._keys(shape, facts, found[0][0]["keys"])
        shape = replace(shape, facts=facts, keys=[self._compared(facts, key) for key in keys], stuck=stuck)
        return replace(shape, stuck=stuck or _unsettable(shape, facts))

    def _keys(self, shape: Shape, facts: Facts, keys: list[Key]) -> tuple[list[Key], str | None]:
        """The keys that say which of its rows may go back, of those that the catalog has; and why none may."""
        stuck = None
        if not facts.columns:
            stuck = f"{shape.source} has none of the columns that were archived"
        elif facts.needed:
            new = listing(facts.needed)
            stuck = f"{shape.source} has a new column without a default that may not be null ({new})"
        elif shape.is_update:
            return self._keys_of_update(shape, facts, keys)
        elif shape.kind in FOR_THEMSELVES and not self.force:
            return self._keys_of_orphans(shape, facts, keys)
        elif not keys and not self.force and shape.kind != "duplicate":
            stuck = f"no foreign key of {shape.source} says any more which rows these belong to"
        return keys, stuck

    def _compared(self, facts: Facts, key: Key) -> Key:
        """A key with the operators by which its columns are compared."""
        relation = Relation(facts.path, (*key["columns"],), (key["schema"], key["table"]), (*key["keys"],))
        found = ask_facts(self.session, relation)
        return {**key, "operators": found.operators, "distributed": found.distributed}

    def _facts(self, shape: Shape, found: dict[str, Any]) -> Facts:
        """From what restore_facts.sql says."""
        mark = "sqlrail_id"
        while mark in found["all"]:
            mark += "_"
        path = found["schema"], found["table"]
        table, id_ = sql.Identifier(*path), sql.Identifier(mark)
        stored = sql.Identifier("pg_temp", f"sqlrail_rows_{(shape.of or shape).number}")
        return Facts(
            path,
            **{name: found[name] for name in AS_FOUND},
            stored=stored,
            id=id_,
            rows=self._rows(found, stored, id_),
            table=table,
            # Rows that inherit from the table are other tables' rows.
            target=sql.SQL("ONLY {}").format(table) if found["only"] else table,
            **(self._placed(table) if found["citus"] else {}),
        )

    def _placed(self, table: sql.Composable) -> dict[str, Any]:
        unsettled = message(self.session, "_nodes_unsettled")
        parts = {"tables": [table.as_string()], "columns": [], "keys": [], "unsettled": unsettled}
        found = self.ask("nodes_placement", **parts)[-1][0]
        return {name: found[name] for name in ("distributed", "distribution_column")}

    def _rows(self, found: dict[str, Any], stored: sql.Composable, id_: sql.Composable) -> bytes:
        """The rows that are to go back, as a table in a FROM: what is stored of them reads as the table's columns."""
        columns = b"".join(
            sql.SQL(", {0}" if column["usable"] else ", {0}::{1}{2} AS {0}")
            .format(sql.Identifier(column["name"]), sql.SQL(column["base"]), sql.SQL(column["collation"]))
            .as_bytes()
            for column in found["columns"]
        )
        others = b"".join(
            sql.SQL(", ({}) AS {}").format(sql.SQL(other["value"]), sql.Identifier(other["name"])).as_bytes()
            for other in found["others"]
        )
        parts = {"stored": stored, "id": id_, "columns": columns, "others": others}
        return message(self.session, "_restore_row", **parts)

    def _keys_of_orphans(self, shape: Shape, facts: Facts, keys: list[Key]) -> tuple[list[Key], str | None]:
        constraint = parse(shape.relation)
        own = self._key_of(shape, facts, constraint) if isinstance(constraint, Relation) else None
        if isinstance(own, str):
            return keys, own
        # Where a row has lost two parents, one relation has deleted it, and the other found nothing any more.
        others = [self._key_of(shape, facts, other) for other in self._others_of(shape, constraint)]
        for key in (*filter(None, [own]), *others):
            if not isinstance(key, str):
                keys = with_key(keys, key)
        return keys, None

    def _key_of(self, shape: Shape, facts: Facts, relation: Relation) -> Key | str:
        """A relation in the form of a foreign key, or why it has none: its table or a column is gone."""
        columns, keys = [*relation.columns], [*relation.keys]
        found = self.ask(
            "restore_parent",
            run=self.run,
            relation=str(relation),
            source=self._named(shape.source),
            named=self._named(sql.SQL("named.name")),
            parent=sql.Identifier(*relation.parent).as_string(),
            keys=keys,
        )
        if not found:
            return f"there is no table {join(*relation.parent)} with a column {listing(keys)}"
        if missing := [column for column in columns if column not in facts.all]:
            return (
                f"{shape.source} has no column {listing(missing)}, so nothing says which rows have a parent"
            )
        more = {"name": str(relation), "columns": columns, "keys": keys, "full": False, "guarded": False}
        return {**found[0][0], **more, "sets": columns, "on_delete": None, "is_deleted": False}

    def _others_of(self, shape: Shape, constraint: Constraint) -> list[Relation]:
        """The other relations of the table that the migrations declare, or the run has cleaned."""
        if self.others is None:
            declared, note = _declared(self.session.settings)
            self.notes += [note] if note else []
            logged = [
                parse(text) for (text,) in self.ask("restore_relations", run=self.run) if is_constraint(text)
            ]
            relations = [it for it in (*declared, *logged) if isinstance(it, Relation)]
            self.others = list(dict.fromkeys(relations))
        others = [other for other in self.others if other != constraint]
        names = [shape.source, *(sql.Identifier(*other.child).as_string() for other in others)]
        (own,), *tables = self.ask("tables_named", names=names, named=self._named(sql.SQL("name")))
        return [other for other, (table,) in zip(others, tables, strict=True) if table == own]

    def _keys_of_update(self, shape: Shape, facts: Facts, keys: list[Key]) -> tuple[list[Key], str | None]:
        if shape.became:
            set_ = [key for key in keys if set(key["columns"]) & set(shape.became)]
            return set_, self._unfindable(shape, facts) or self._unguarded(shape, set_)
        own = self._own_keys(shape, facts, keys)
        acted = [key for key in keys if key["is_deleted"] and key["on_delete"] in "nd"]
        keys = [*own, *(key for key in acted if not any(is_of_same_columns(key, one) for one in own))]
        if not keys:
            return [], f"no foreign key of {shape.source} says any more which columns a deletion emptied"
        return keys, self._unfindable(shape, facts)

    def _unfindable(self, shape: Shape, facts: Facts) -> str | None:
        if facts.primary and set(facts.primary) <= set(shape.columns):
            return None
        return f"{shape.source} has no primary key of then by which its rows could be found"

    def _unguarded(self, shape: Shape, keys: list[Key]) -> str | None:
        """Of rows that were pointed at another one: nothing would keep them from pointing at one that is not back."""
        if keys or self.force or not isinstance(parse(shape.relation), Unique):
            return None
        columns = listing(shape.became)
        return f"no foreign key of {shape.source} says what {columns} refers to: add it, for the restore at least"

    def _own_keys(self, shape: Shape, facts: Facts, keys: list[Key]) -> list[Key]:
        """The relation itself, if it has set its own orphans to null or default and deleted none."""
        relation = parse(shape.relation)
        if not isinstance(relation, Relation):
            return []
        has_deleted = any(each.relation == shape.relation and each.kind == "orphan" for each in self.staged)
        if has_deleted or relation.child != facts.path[-len(relation.child) :]:
            return []
        own = self._key_of(shape, facts, relation)
        if isinstance(own, str):
            return []  # other keys may say which columns were emptied
        same = [key for key in keys if is_of_same_columns(key, own)]
        # What was said counts, whatever the key says that is there by now.
        return [{**key, "on_delete": shape.set_to} for key in same or [own]]

    def _part(self, shape: Shape, number: int) -> list[Shape]:
        """Rows that one key deletes while another empties the same column: which was first, the rows must say."""
        if shape.kind != "cascade" or shape.stuck or not is_contested(shape.keys):
            return [shape]
        other = self._look(
            Shape(number, shape.relation, shape.source, CHANGED, shape.columns, shape.rows, of=shape)
        )
        if not other.stuck:
            self.ask("restore_part", shape=other.number, of=shape.number)
            return [shape, other]
        if self.force:
            return [shape]
        why = f"one key of {shape.source} deletes rows and another empties them, and {other.stuck}"
        return [replace(shape, stuck=why)]


def _unsettable(shape: Shape, facts: Facts) -> str | None:
    """Why old values cannot go back on other nodes."""
    column = facts.distribution_column
    if not shape.is_update or column is None or column not in emptied(shape, facts):
        return None
    return f"{join(column)} is the distribution column of {shape.source} by now, and Citus does not change its values"


def _declared(settings: Settings) -> tuple[list[Constraint], str | None]:
    """The constraints that the migrations declare; where they cannot be read, a note that says so."""
    if not settings.migrations.is_dir():
        return [], None
    try:
        migrations, files = read_files(settings.migrations)
    except SqlrailError as exc:
        return (
            [],
            f"whether rows have lost a second parent, which a migration names, was not looked at: {exc}",
        )
    return [relation for migration in migrations for relation in files[migration.id].cleanup], None


def is_constraint(text: str) -> bool:
    """Whether a text of the archive is one."""
    try:
        parse(text)
    except ValueError:
        return False
    return True
