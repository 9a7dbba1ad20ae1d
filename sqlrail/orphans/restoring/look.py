"""What the catalog says of the tables that rows go back to, and of the keys that say which of them may."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from sqlrail.errors import SqlrailError
from sqlrail.files.folder import read_files
from sqlrail.ground.names import join
from sqlrail.ground.relation import Relation
from sqlrail.ground.settings import Settings
from sqlrail.orphans.ask import ask_facts, quickly
from sqlrail.orphans.restoring.shape import CHANGED, Facts, Shape, add, is_contested, listing, says_the_same
from sqlrail.orphans.session import Session, message
from sqlrail.postgres import wire

#: the facts that are as the catalog says them
AS_FOUND = (
    "all", "columns", "lost", "needed", "primary", "unique", "defaults", "sequences", "triggers", "rules",
)  # fmt: skip


class Look:
    """Gives each shape its facts and its keys, or says why none of its rows can go anywhere."""

    def __init__(self, session: Session, run: int, shapes: list[Shape], *, force: bool) -> None:
        self.session, self.run, self.shapes, self.force = session, run, shapes, force
        self.notes: list[str] = []
        self.others: list[Relation] | None = None

    def look(self) -> None:
        """Looks at all of them; some are parted, and become more."""
        for shape in [*self.shapes]:
            self._look(shape)
            self._part(shape)

    def ask(self, name: str, **parts: Any) -> list[tuple[Any, ...]]:
        """What a message of ours returns."""
        return self.session.ask(message(self.session, name, **parts))

    def _named(self, name: object) -> bytes:
        return wire.named(self.session.connection, name)

    def _look(self, shape: Shape) -> None:
        sources = [each.source for each in self.shapes if each.relation == shape.relation]
        # Its orphans may all be back already, and those that were changed with them not.
        sources.append(sql.Identifier(*Relation.parse(shape.relation).child).as_string())
        question = message(
            self.session,
            "restore_facts",
            source=self._named(shape.source),
            place=self._named(sql.SQL("name")),
            columns=shape.columns,
            changed=shape.is_update,
            sources=sources,
        )
        found = self.session.ask(quickly(self.session, question))
        if not found:
            shape.stuck = f"there is no table {shape.source}"
            return
        self._settle(shape, found[0][0])

    def _settle(self, shape: Shape, found: dict[str, Any]) -> None:
        """Takes in its facts and its keys, or why none of its rows can go anywhere."""
        facts = shape.facts = self._facts(shape, found)
        shape.keys = found["keys"]
        if not facts.columns:
            shape.stuck = f"{shape.source} has none of the columns that were archived"
        elif facts.needed:
            new = listing(facts.needed)
            shape.stuck = f"{shape.source} has a new column without a default that may not be null ({new})"
        elif shape.is_update:
            self._look_at_update(shape, facts)
        elif shape.kind == "orphan" and not self.force:
            self._look_for_parent(shape)
        elif not shape.keys and not self.force:
            shape.stuck = f"no foreign key of {shape.source} says any more which rows these belong to"
        for key in shape.keys:
            said = Relation(facts.path, (*key["columns"],), (key["schema"], key["table"]), (*key["keys"],))
            key["operators"] = ask_facts(self.session, said).operators

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
        )

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

    def _look_for_parent(self, shape: Shape) -> None:
        relation = Relation.parse(shape.relation)
        if key := self._key_of(shape, relation):
            add(shape, key)
            # Where a row has lost two parents, one relation has deleted it, and the other found nothing any more.
            for other in self._others_of(shape, relation):
                if key := self._key_of(shape, other):
                    add(shape, key)

    def _key_of(self, shape: Shape, relation: Relation) -> dict[str, Any] | None:
        """A relation in the form of a foreign key; None, and why, where its table or a column is gone."""
        assert shape.facts is not None
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
        why = None
        if not found:
            why = f"there is no table {join(*relation.parent)} with a column {listing(keys)}"
        elif missing := [column for column in columns if column not in shape.facts.all]:
            why = f"{shape.source} has no column {listing(missing)}, so nothing says which rows have a parent"
        if why and str(relation) == shape.relation:
            shape.stuck = why
        if why:
            return None
        more = {"name": str(relation), "columns": columns, "keys": keys, "full": False, "guarded": False}
        return {**found[0][0], **more, "sets": columns, "on_delete": None, "is_deleted": False}

    def _others_of(self, shape: Shape, relation: Relation) -> list[Relation]:
        """The other relations of the table that the migrations declare, or the run has cleaned."""
        if self.others is None:
            declared, note = _declared(self.session.settings)
            self.notes += [note] if note else []
            logged = [
                Relation.parse(it) for (it,) in self.ask("restore_relations", run=self.run) if is_relation(it)
            ]
            self.others = list(dict.fromkeys([*declared, *logged]))
        others = [other for other in self.others if other != relation]
        names = [shape.source, *(sql.Identifier(*other.child).as_string() for other in others)]
        (own,), *tables = self.ask("tables_named", names=names, named=self._named(sql.SQL("name")))
        return [other for other, (table,) in zip(others, tables, strict=True) if table == own]

    def _look_at_update(self, shape: Shape, facts: Facts) -> None:
        own = self._own_key(shape, facts)
        acted = [key for key in shape.keys if key["is_deleted"] and key["on_delete"] in "nd"]
        shape.keys = [*own, *(key for key in acted if key not in own)]
        if not shape.keys:
            shape.stuck = f"no foreign key of {shape.source} says any more which columns a deletion emptied"
        elif not facts.primary or not set(facts.primary) <= set(shape.columns):
            shape.stuck = f"{shape.source} has no primary key of then by which its rows could be found"

    def _own_key(self, shape: Shape, facts: Facts) -> list[dict[str, Any]]:
        """The relation itself, if it has set its own orphans to null or default and deleted none."""
        relation = Relation.parse(shape.relation)
        has_deleted = any(it.relation == shape.relation and it.kind == "orphan" for it in self.shapes)
        if has_deleted or relation.child != facts.path[-len(relation.child) :]:
            return []
        key = self._key_of(shape, relation)
        shape.stuck = None  # other keys may say
        if key is None:
            return []
        same = [it for it in shape.keys if says_the_same(it, key)]
        if not same:
            return [key]
        return [it for it in same if it["on_delete"] in "nd"]

    def _part(self, shape: Shape) -> None:
        """Rows that one key deletes while another empties the same column: which was first, the rows must say."""
        if shape.kind != "cascade" or shape.stuck or not is_contested(shape.keys):
            return
        other = Shape(len(self.shapes) + 1, shape.relation, shape.source, CHANGED, shape.columns, shape.rows)
        other.of = shape
        self._look(other)
        if not other.stuck:
            self.ask("restore_part", shape=other.number, of=shape.number)
            self.shapes.append(other)
        elif not self.force:
            shape.stuck = (
                f"one key of {shape.source} deletes rows and another empties them, and {other.stuck}"
            )


def _declared(settings: Settings) -> tuple[list[Relation], str | None]:
    """The relations that the migrations declare; where they cannot be read, a note that says so."""
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


def is_relation(text: str) -> bool:
    """Whether a text of the archive is one."""
    try:
        Relation.parse(text)
    except ValueError:
        return False
    return True
