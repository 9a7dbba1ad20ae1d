"""The verb restore: archived rows go back where they were, each to the letter, or stay and it is said why.

Rows are worked on in shapes: one relation, one table, one action, the same columns. Round after round each shape
puts back what can go back, until a round has put back nothing: that orders parents before children by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors as pg
from psycopg import sql

from sqlrail.engine.backend import PASSING, Backend
from sqlrail.errors import DatabaseFailed, Refused, SqlrailError
from sqlrail.files.folder import read_files
from sqlrail.ground.events import Listener
from sqlrail.ground.names import join
from sqlrail.ground.relation import Relation
from sqlrail.ground.settings import Settings, listed
from sqlrail.orphans import expressions
from sqlrail.orphans.facts import ask_facts, quickly
from sqlrail.postgres import wire
from sqlrail.postgres.diagnostics import sentence

if TYPE_CHECKING:
    from sqlrail.results.archive import Archived
    from sqlrail.results.restore import LeftResult, RestoredResult, RestoreResult

#: keys that are shown of the rows that stay for one reason
SAMPLES = 5
#: classes of SQLSTATE that are about a row: its values, a constraint, what a trigger raised, a limit. While cells
#: are read also 42: the text of a regclass or a tsquery may be wrong by now, but no right is a row's fault.
ROWS, CELLS, RIGHTS = ("22", "23", "54", "P0"), ("22", "23", "42", "54"), ("42501",)
#: the kind of rows that are still there: one or several keys have set columns of theirs to null or default
CHANGED = "changed"


@dataclass(frozen=True)
class Left:
    """Rows of one table that stay in the archive for one reason; samples are the keys of a few of them."""

    source: str
    action: Archived
    reason: str
    rows: int
    samples: tuple[dict[str, str | None], ...] = ()

    def as_json(self) -> LeftResult:
        """The same for scripts."""
        return {
            "table": self.source,
            "action": self.action,
            "reason": self.reason,
            "rows": self.rows,
            "samples": list(self.samples),
        }


@dataclass(frozen=True)
class Restored:
    """What became of a relation's archived rows, those of cascades included."""

    relation: str
    restored: int
    left: int
    reasons: tuple[Left, ...] = ()

    def as_json(self) -> RestoredResult:
        """The same for scripts."""
        return {
            "relation": self.relation,
            "restored": self.restored,
            "left": self.left,
            "reasons": [left.as_json() for left in self.reasons],
        }


@dataclass(frozen=True)
class Restore:
    """What a restore of the run `of` did; a run of None put nothing back."""

    run: int | None
    of: int
    relations: tuple[Restored, ...] = ()
    #: what else there is to know: values whose column is gone, sequences that are behind
    notes: tuple[str, ...] = ()

    def as_json(self) -> RestoreResult:
        """The same for scripts: `of` is the run whose rows these are, `run` the restore's own."""
        return {
            "run": self.run,
            "of": self.of,
            "relations": [one.as_json() for one in self.relations],
            "notes": list(self.notes),
        }


@dataclass
class _Shape:
    number: int
    relation: str
    source: str
    kind: str  # deleted as an orphan or by a cascade, or changed
    columns: list[str]  # that were archived
    rows: int
    facts: dict[str, Any] | None = None
    keys: list[dict[str, Any]] = field(default_factory=list)
    stuck: str | None = None  # why none of its rows can go anywhere
    of: _Shape | None = None  # that its rows were parted from

    @property
    def is_update(self) -> bool:
        return self.kind == CHANGED


def restore(
    settings: Settings,
    listener: Listener,
    run: int,
    relation: Relation | None = None,
    *,
    force: bool = False,
) -> Restore:
    """Puts the archived rows of a run back in one transaction, itself a run.

    Rows whose parent is there again, or all that no key forbids with force. Refused has changed nothing.
    """
    with Backend(settings, listener) as backend:
        if not backend.has_archive:
            raise Refused(f"there is no run {run}: {backend.database} has no archive.")
        with _explaining(run, backend), backend.locked():
            wanted = _find(backend, run, relation)
            if isinstance(wanted, Restore):
                return wanted
            return _Work(backend, run, wanted, force=force).do()


@contextmanager
def _explaining(run: int, backend: Backend) -> Iterator[None]:
    try:
        yield
    except DatabaseFailed as exc:
        cause = exc.__cause__
        if isinstance(cause, PASSING):
            failure = DatabaseFailed(
                f"the restore of run {run} gave way: {sentence(cause)} A table or a row was in use, or for longer than "
                f"{backend.settings.lock_timeout:g} s (--lock-timeout). Nothing was changed; run again."
            )
            raise backend.with_blockers(failure) from cause
        if isinstance(cause, pg.InsufficientPrivilege):
            raise Refused(
                f"the restore of run {run} is refused: {sentence(cause)} It needs a role that may read and empty "
                "the archive, and write the tables without a policy that hides rows. Nothing was changed."
            ) from cause
        if isinstance(cause, psycopg.Error):
            raise DatabaseFailed(
                f"the restore of run {run} failed: {sentence(cause)} Nothing was changed."
            ) from cause
        raise


def _find(backend: Backend, run: int, relation: Relation | None) -> str | Restore | None:
    """The relation as the archive spells it, None for all, or the end of a restore with nothing to do."""
    found = backend.ask(backend.message("run", run=run))
    if not found:
        raise Refused(f"there is no run {run}: `archive list` shows the runs. Nothing was changed.")
    verb, relations, logged, of, later, is_replica = found[0]
    if verb not in ("migrate", "cleanup") and not relations:
        origin = " and ".join(f"run {each}" for each in of or ())
        raise Refused(
            f"run {run} is itself a {verb}{f' of {origin}' if origin else ''}, and has nothing in the archive. "
            f"What is left of {origin or 'other runs'} is restored by that number. Nothing was changed."
        )
    named = None if relation is None else str(relation)
    unread = [text for text in relations or () if not _is_relation(text)]
    spoilt = backend.ask(backend.message("restore_spoilt", run=run, relation=named, unread=unread))
    if spoilt:
        ((ids, remedy),) = spoilt
        raise Refused(
            f"the restore of run {run} is refused: {len(ids)} row{'s' * (len(ids) > 1)} of the archive "
            f"({', '.join(map(str, ids))}) {'are' if len(ids) > 1 else 'is'} not as a cleanup writes them, a relation "
            f"and an object of cells. Put right what was changed by hand, or give them up: {remedy}. "
            "Nothing was changed."
        )
    if is_replica:
        raise Refused(
            "the restore is refused: session_replication_role is replica, so no foreign key acts. Nothing was changed."
        )
    if not relations or (str(relation) in (logged or ()) and str(relation) not in relations):
        past, of_run = (
            ", ".join(later or ()),
            f"run {run}" if relation is None else f"{relation} from run {run}",
        )
        return Restore(
            None, run, notes=(f"the archive holds no row of {of_run}{past and f' any more ({past})'}",)
        )
    if relation is None:
        return None
    if str(relation) not in relations:  # a slip of the hand
        raise Refused(
            f"the archive holds no row of {relation} from run {run}, but of {', '.join(relations)}. "
            "Nothing was changed."
        )
    return str(relation)


def _is_relation(text: str) -> bool:
    try:
        Relation.parse(text)
    except ValueError:
        return False
    return True


class _Work:
    """One restore within the transaction that the backend has open."""

    def __init__(self, backend: Backend, run: int, relation: str | None, *, force: bool) -> None:
        self.backend, self.run, self.force = backend, run, force
        self.notes: list[str] = []
        self.others: list[Relation] | None = None
        stage = backend.message("archive_format") + backend.ddl("restore_stage", run=run, relation=relation)
        self.shapes = [_Shape(*row) for row in backend.ask(stage)]

    def ask(self, name: str, **parts: Any) -> list[tuple[Any, ...]]:
        return self.backend.ask(self.backend.message(name, **parts))

    def _named(self, name: object) -> bytes:
        return wire.named(self.backend.connection, name)

    def do(self) -> Restore:
        self.ask(
            "restore_lock",
            sources=[shape.source for shape in self.shapes],
            place=self._named(sql.SQL("name")),
        )
        for shape in [*self.shapes]:
            self._look(shape)
            self._part(shape)
        self._guard()
        going = [shape for shape in self.shapes if not shape.stuck]
        for shape in self.shapes:
            if shape.stuck:
                self._leave(shape, 1, shape.rows, shape.stuck, final=True)
            elif shape.of:
                self._take_over(shape, shape.of)
            else:
                self._fill(shape)
        # What a cascade changed is put right on rows that are there again, its last change first.
        going.sort(key=lambda shape: (shape.is_update, -shape.number if shape.is_update else shape.number))
        while sum(self._round(shape) for shape in going):
            pass
        return self._finish()

    # Looking

    def _look(self, shape: _Shape) -> None:
        sources = [each.source for each in self.shapes if each.relation == shape.relation]
        # Its orphans may all be back already, and those that were changed with them not.
        sources.append(sql.Identifier(*Relation.parse(shape.relation).child).as_string())
        question = self.backend.message(
            "restore_facts",
            source=self._named(shape.source),
            place=self._named(sql.SQL("name")),
            columns=shape.columns,
            changed=shape.is_update,
            sources=sources,
        )
        found = self.backend.ask(quickly(self.backend, question))
        if not found:
            shape.stuck = f"there is no table {shape.source}"
            return
        facts = shape.facts = found[0][0]
        mark = "sqlrail_id"
        while mark in facts["all"]:
            mark += "_"
        shape.keys = facts["keys"]
        name = facts["schema"], facts["table"]
        table = sql.Identifier(*name)
        facts |= {
            "path": name,
            "stored": sql.Identifier("pg_temp", f"sqlrail_rows_{(shape.of or shape).number}"),
            "id": sql.Identifier(mark),
            "table": table,
            # Rows that inherit from the table are other tables' rows.
            "target": sql.SQL("ONLY {}").format(table) if facts["only"] else table,
        }
        facts["rows"] = self._rows(facts)
        if not facts["columns"]:
            shape.stuck = f"{shape.source} has none of the columns that were archived"
        elif facts["needed"]:
            new = _list(facts["needed"])
            shape.stuck = f"{shape.source} has a new column without a default that may not be null ({new})"
        elif shape.is_update:
            self._look_at_update(shape, facts)
        elif shape.kind == "orphan" and not self.force:
            self._look_for_parent(shape)
        elif not shape.keys and not self.force:
            shape.stuck = f"no foreign key of {shape.source} says any more which rows these belong to"
        for key in shape.keys:
            said = Relation(name, (*key["columns"],), (key["schema"], key["table"]), (*key["keys"],))
            key["operators"] = ask_facts(self.backend, said)["operators"]

    def _rows(self, facts: dict[str, Any]) -> bytes:
        """The rows that are to go back, as a table in a FROM: what is stored of them reads as the table's columns."""
        columns = b"".join(
            sql.SQL(", {0}" if column["usable"] else ", {0}::{1}{2} AS {0}")
            .format(sql.Identifier(column["name"]), sql.SQL(column["base"]), sql.SQL(column["collation"]))
            .as_bytes()
            for column in facts["columns"]
        )
        others = b"".join(
            sql.SQL(", ({}) AS {}").format(sql.SQL(other["value"]), sql.Identifier(other["name"])).as_bytes()
            for other in facts["others"]
        )
        parts = {"stored": facts["stored"], "id": facts["id"], "columns": columns, "others": others}
        return self.backend.message("_restore_row", **parts)

    def _look_for_parent(self, shape: _Shape) -> None:
        relation = Relation.parse(shape.relation)
        if key := self._key_of(shape, relation):
            _add(shape, key)
            # Where a row has lost two parents, one relation has deleted it, and the other found nothing any more.
            for other in self._others_of(shape, relation):
                if key := self._key_of(shape, other):
                    _add(shape, key)

    def _key_of(self, shape: _Shape, relation: Relation) -> dict[str, Any] | None:
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
            why = f"there is no table {join(*relation.parent)} with a column {_list(keys)}"
        elif missing := [column for column in columns if column not in shape.facts["all"]]:
            why = f"{shape.source} has no column {_list(missing)}, so nothing says which rows have a parent"
        if why and str(relation) == shape.relation:
            shape.stuck = why
        if why:
            return None
        more = {"name": str(relation), "columns": columns, "keys": keys, "full": False, "guarded": False}
        return {**found[0][0], **more, "sets": columns, "on_delete": None, "is_deleted": False}

    def _others_of(self, shape: _Shape, relation: Relation) -> list[Relation]:
        """The other relations of the table that the migrations declare, or the run has cleaned."""
        if self.others is None:
            declared, note = _declared(self.backend.settings)
            self.notes += [note] if note else []
            logged = [
                Relation.parse(it)
                for (it,) in self.ask("restore_relations", run=self.run)
                if _is_relation(it)
            ]
            self.others = list(dict.fromkeys([*declared, *logged]))
        others = [other for other in self.others if other != relation]
        names = [shape.source, *(sql.Identifier(*other.child).as_string() for other in others)]
        (own,), *tables = self.ask("tables_named", names=names, named=self._named(sql.SQL("name")))
        return [other for other, (table,) in zip(others, tables, strict=True) if table == own]

    def _look_at_update(self, shape: _Shape, facts: dict[str, Any]) -> None:
        own = self._own_key(shape, facts)
        acted = [key for key in shape.keys if key["is_deleted"] and key["on_delete"] in "nd"]
        shape.keys = [*own, *(key for key in acted if key not in own)]
        if not shape.keys:
            shape.stuck = f"no foreign key of {shape.source} says any more which columns a deletion emptied"
        elif not facts["primary"] or not set(facts["primary"]) <= set(shape.columns):
            shape.stuck = f"{shape.source} has no primary key of then by which its rows could be found"

    def _own_key(self, shape: _Shape, facts: dict[str, Any]) -> list[dict[str, Any]]:
        """The relation itself, if it has set its own orphans to null or default and deleted none."""
        relation = Relation.parse(shape.relation)
        has_deleted = any(it.relation == shape.relation and it.kind == "orphan" for it in self.shapes)
        if has_deleted or relation.child != facts["path"][-len(relation.child) :]:
            return []
        key = self._key_of(shape, relation)
        shape.stuck = None  # other keys may say
        if key is None:
            return []
        same = [it for it in shape.keys if _says_the_same(it, key)]
        if not same:
            return [key]
        return [it for it in same if it["on_delete"] in "nd"]

    def _part(self, shape: _Shape) -> None:
        """Rows that one key deletes while another empties the same column: which was first, the rows must say."""
        if shape.kind != "cascade" or shape.stuck or not _is_contested(shape.keys):
            return
        other = _Shape(len(self.shapes) + 1, shape.relation, shape.source, CHANGED, shape.columns, shape.rows)
        other.of = shape
        self._look(other)
        if not other.stuck:
            self.ask("restore_part", shape=other.number, of=shape.number)
            self.shapes.append(other)
        elif not self.force:
            shape.stuck = (
                f"one key of {shape.source} deletes rows and another empties them, and {other.stuck}"
            )

    def _take_over(self, shape: _Shape, of: _Shape) -> None:
        """Those of another shape's rows that were emptied, and not deleted."""
        assert shape.facts is not None
        if not of.stuck:
            self._ask(shape, "restore_kept", of=of.number, **_left_by(shape, shape.facts))

    def _guard(self) -> None:
        """Refused if the tables are not what they were, unless forced; triggers and rules refuse in any case."""
        problems: dict[str, None] = {}
        for shape in self.shapes:
            if shape.facts is None:
                problems[f"{shape.stuck}; if it has another name now, {self._rename(shape)}"] = None
            elif shape.facts["needed"]:
                problems[f"{shape.stuck}; give it one, for the restore at least"] = None
            else:
                problems |= dict.fromkeys(self._lost(shape))
        if problems and not self.force:
            raise Refused(
                f"the restore of run {self.run} is refused: {'; '.join(problems)}. Or choose with --relation, or leave "
                "that behind with --force. Nothing was changed."
            )
        if effects := dict.fromkeys(effect for shape in self.shapes for effect in self._effects(shape)):
            raise Refused(
                f"the restore of run {self.run} is refused: {'; '.join(effects)}. Nothing was changed."
            )

    def _lost(self, shape: _Shape) -> list[str]:
        """What would be lost of values whose column is gone; with force it becomes a note."""
        assert shape.facts is not None
        lost = self.ask("restore_lost", shape=shape.number, columns=shape.facts["lost"])
        for column, rows in lost:
            self.notes.append(
                f"{shape.source} has no column {join(column)} to write to any more: its value in {rows} archived "
                f"row{'s' * (rows != 1)} is not put back"
            )
        return [
            f"{shape.source} has no column {join(column)} to write to any more, and {rows} archived "
            f"row{'s hold' if rows != 1 else ' holds'} a value of it; if it has another name now, "
            f"{self._rename(shape, column)}"
            for column, rows in lost
        ]

    def _rename(self, shape: _Shape, column: str | None = None) -> str:
        if column is None:
            text = self.backend.message("archive_rename_table", run=self.run, source=shape.source)
        else:
            text = self.backend.message(
                "archive_rename_column", run=self.run, source=shape.source, column=column
            )
        return "say so in the archive: " + " ".join(line.strip() for line in text.decode().split("\n")).strip(
            " ;"
        )

    def _effects(self, shape: _Shape) -> list[str]:
        """What would happen besides: it is the operator's to allow."""
        if shape.facts is None:
            return []
        verb = "UPDATE" if shape.is_update else "INSERT"
        allowed = self.backend.settings.allow_triggers
        firing = [each for each in shape.facts["triggers"] if each["name"] not in allowed]
        return [f"{shape.source} has the rule {join(rule)} for {verb}" for rule in shape.facts["rules"]] + [
            f"the trigger {join(each['name'])} on {each['table']} would fire on {verb}: see what it does, then allow "
            f"it by name (--allow-triggers {listed(each['name'])}), or disable it meanwhile"
            for each in firing
        ]

    # Working

    def _fill(self, shape: _Shape) -> None:
        """Reads the cells as the table's columns."""
        facts = shape.facts
        assert facts is not None
        connection = self.backend.connection
        self._ask(shape, "restore_rows", columns=b"".join(map(_definition, facts["columns"])))
        names, values, changed = b"", b"", b""
        for column in facts["columns"]:
            kept, differs = self._read(column)
            names += sql.SQL(", {}").format(sql.Identifier(column["name"])).as_bytes()
            values += b", " + kept.as_bytes(connection)
            name = sql.Literal(join(column["name"]))
            changed += sql.SQL(" WHEN {} THEN {}").format(differs, name).as_bytes(connection)
        self._by_halves(
            shape, "restore_fill", CELLS, names=names, values=values, force=self.force,
            changed=b"CASE" + changed + b" END" if changed else b"NULL::text",
            why="the type of %s has changed, and does not hold the same value (--force writes it as it is read today)",
        )  # fmt: skip
        self.backend.ask(sql.SQL("ANALYZE {}").format(facts["stored"]).as_bytes())

    def _read(self, column: dict[str, Any]) -> tuple[sql.Composed, sql.Composed]:
        """A column's cell, as it is kept for the table; and whether its type of today would spell it otherwise."""
        cell = sql.SQL("(cells->>{})").format(sql.Literal(column["name"]))
        text = self._grown(column, cell) if column["attributes"] else cell
        # The types are spelt by the catalog itself.
        type_, base = sql.SQL(column["type"]), sql.SQL(column["base"])
        kept = "{0}::{1}" if column["usable"] else "CASE WHEN {0}::{1} IS DISTINCT FROM NULL THEN {0} END"
        value = sql.SQL("{}::{}").format(text, type_)
        # 1.10 and 1.1 are one number, and to a new scale an old one may be spelt otherwise.
        read_as = sql.SQL("numeric" if column["base"] == "numeric" else "text")
        today = expressions.spelt(value) if column["recast"] else sql.SQL("{}::{}").format(value, read_as)
        return sql.SQL(kept).format(text, base), sql.SQL("{} <> {}::{}").format(today, cell, read_as)

    def _grown(self, column: dict[str, Any], cell: sql.Composable) -> sql.Composable:
        """The cell of a composite, or of an array of them, with nulls for attributes that are new."""
        message, attributes = self.backend.message, column["attributes"]
        if not column["is_array"]:
            return _as_sql(message("_restore_grown", cell=cell, attributes=attributes))
        grown = message("_restore_grown", cell=sql.SQL("item.cell"), attributes=attributes)
        return _as_sql(message("_restore_grown_array", cell=cell, grown=grown))

    def _round(self, shape: _Shape) -> int:
        """Puts back what can go back now, and returns how many rows that were."""
        facts = shape.facts
        assert facts is not None
        if self._ask(shape, "restore_again") == [(0,)]:
            return 0
        if shape.is_update:
            name, parts = "restore_update", self._unset(shape, facts)
        else:
            self._mark_taken(shape, facts)
            columns = [sql.Identifier(each["name"]) for each in facts["columns"]]
            name, parts = (
                "restore_insert",
                {
                    "names": sql.SQL(", ").join(columns),
                    "values": sql.SQL(", ").join(sql.SQL("r.{}").format(column) for column in columns),
                },
            )
        self._mark_parentless(shape)
        return self._by_halves(shape, name, ROWS, **parts)

    def _mark_taken(self, shape: _Shape, facts: dict[str, Any]) -> None:
        for unique in facts["unique"]:
            if set(unique["columns"]) - set(facts["lost"]) <= set(shape.columns):
                why = f"another row has its {_list(unique['columns'])} by now ({unique['name']})"
                self._ask(shape, "restore_taken", why=why, matches=_matches(unique["columns"]))

    def _mark_parentless(self, shape: _Shape) -> None:
        # Where one stays, those below it in the same table stay as well.
        while sum(self._ask_for_parents(shape, key) for key in shape.keys):
            if not any(key["self"] for key in shape.keys):
                return

    def _ask_for_parents(self, shape: _Shape, key: dict[str, Any]) -> int:
        matches = expressions.matches(
            [sql.SQL("p.{}").format(sql.Identifier(name)) for name in key["keys"]],
            key["operators"],
            [sql.SQL("r.{}").format(sql.Identifier(name)) for name in key["columns"]],
        )
        columns = [sql.SQL("r.{} IS NOT NULL").format(sql.Identifier(column)) for column in key["columns"]]
        table = sql.Identifier(key["schema"], key["table"])
        siblings: bytes = b""
        if key["self"] and not shape.is_update:
            siblings = self._message(shape, "_restore_sibling", matches=matches)
        parent = join(key["schema"], key["table"])
        ((marked,),) = self._ask(
            shape,
            "restore_missing",
            parent=sql.SQL("ONLY {}").format(table) if key["only"] else table,
            keys=sql.SQL(", ").join(sql.SQL("p.{}").format(sql.Identifier(name)) for name in key["keys"]),
            matches=matches,
            # MATCH FULL wants a parent, or none of its columns.
            present=sql.SQL(" OR " if key["full"] else " AND ").join(columns),
            holding=b"" if key["guarded"] else b"FOR KEY SHARE OF p",
            siblings=siblings,
            why=f"no row of {parent} has the {_list(key['keys'])} that {_list(key['columns'])} names ({key['name']})",
        )
        return int(marked)

    def _unset(self, shape: _Shape, facts: dict[str, Any]) -> dict[str, sql.Composable]:
        """Marks what is not as the cascade left it, and returns what the update is made of."""
        parts = _left_by(shape, facts)
        self._ask(
            shape, "restore_unset", **parts,
            later=b" OR ".join(self._later(shape, each) for each in self.shapes if each.source == shape.source),
            gone=f"its row of {shape.source} is gone",
            changed=f"its row of {shape.source} has been changed since",
            same=f"its row of {shape.source} holds the old values already",
            waits="a later change of the same columns comes first",
        )  # fmt: skip
        names = [sql.Identifier(column) for column in _emptied(shape, facts)]
        return {
            **parts,
            "assignments": sql.SQL(", ").join(sql.SQL("{0} = r.{0}").format(name) for name in names),
        }

    def _later(self, shape: _Shape, other: _Shape) -> bytes:
        assert shape.facts is not None
        if other.facts is None or other.stuck or not other.is_update:
            return b"false"
        if not _emptied(shape, shape.facts).keys() & _emptied(other, other.facts).keys():
            return b"false"
        primary = [sql.Identifier(name) for name in shape.facts["primary"]]
        is_same = sql.SQL(" AND ").join(sql.SQL("q.{0} = r.{0}").format(name) for name in primary)
        return self._message(
            shape, "_restore_later", other=other.number, its=other.facts["rows"], is_same=is_same
        )

    def _by_halves(self, shape: _Shape, name: str, faults: tuple[str, ...], **parts: Any) -> int:
        """Puts all of a shape's rows in one statement; what fails is halved until the rows at fault are alone.

        Returns how many rows that were.
        """
        ranges, done = [(1, shape.rows)], 0
        while ranges:
            first, last = ranges.pop()
            text = self._message(shape, name, first=first, last=last, **parts)
            try:
                counts = self.backend.ask(b"SAVEPOINT sqlrail_piece;\n" + text)
                fault = None
            except psycopg.Error as exc:
                state = exc.sqlstate or ""
                if state[:2] not in faults or state in RIGHTS:
                    raise
                fault, counts = exc, []
            if fault is None and all(put == marked for put, marked in counts):
                self.backend.ask(b"RELEASE SAVEPOINT sqlrail_piece")
                done += sum(put for put, _ in counts)
                continue
            self.backend.ask(b"ROLLBACK TO SAVEPOINT sqlrail_piece; RELEASE SAVEPOINT sqlrail_piece")
            if first == last:
                why = fault.diag.message_primary if fault else "a trigger, or somebody's change, kept it out"
                # Its parent may yet come back.
                final = not isinstance(fault, pg.ForeignKeyViolation)
                self._leave(shape, first, last, why or str(fault), final=final)
            else:
                middle = (first + last) // 2
                ranges += [(middle + 1, last), (first, middle)]
        return done

    def _leave(self, shape: _Shape, first: int, last: int, why: str, *, final: bool) -> None:
        self.ask("restore_leave", shape=shape.number, first=first, last=last, why=why, final=final)

    # The end

    def _finish(self) -> Restore:
        reasons: dict[str, list[Left]] = {shape.relation: [] for shape in self.shapes}
        counts = dict.fromkeys(reasons, 0)
        for shape in self.shapes:
            shown = [
                *(shape.facts or {}).get("primary", ()),
                *(column for key in shape.keys for column in key["columns"]),
            ]
            columns = list(dict.fromkeys(shown)) or shape.columns[:1]
            for is_back, action, why, rows, samples in self.ask(
                "restore_report", shape=shape.number, columns=columns, samples=SAMPLES
            ):
                if is_back:
                    counts[shape.relation] += rows
                else:
                    found = tuple(sample for sample in samples or () if sample)
                    reasons[shape.relation].append(Left(shape.source, action, why, rows, found))
            self._look_at_sequences(shape)
        ((run, gone, restored),) = self.ask("restore_finish", actor=self.backend.settings.actor, run=self.run)
        if gone != restored:
            raise DatabaseFailed(
                f"the restore of run {self.run} failed: somebody else has taken rows of it out of the archive "
                "meanwhile. Nothing was changed; run again."
            )
        relations = [
            Restored(relation, counts[relation], sum(left.rows for left in lefts), tuple(lefts))
            for relation, lefts in reasons.items()
        ]
        return Restore(run, self.run, tuple(relations), tuple(dict.fromkeys(self.notes)))

    def _look_at_sequences(self, shape: _Shape) -> None:
        if shape.facts is None or shape.stuck or shape.is_update:
            return
        for each in shape.facts["sequences"]:
            for highest, last in self._ask(
                shape,
                "restore_sequence",
                column=sql.Identifier(each["column"]),
                sequence=sql.SQL(each["name"]),
            ):
                self.notes.append(
                    f"{shape.source}.{join(each['column'])} goes up to {highest} again, and its sequence "
                    f"{each['name']} stands at {last}: SELECT setval({_quote(each['name'])}, {highest})"
                )

    def _ask(self, shape: _Shape, name: str, **parts: Any) -> list[tuple[Any, ...]]:
        return self.backend.ask(self._message(shape, name, **parts))

    def _message(self, shape: _Shape, name: str, **parts: Any) -> bytes:
        assert shape.facts is not None
        common = {name: shape.facts[name] for name in ("stored", "rows", "id", "table", "target")}
        common |= {name: self.backend.message(name) for name in ("ours", "writes")}
        return self.backend.message(name, shape=shape.number, **{**common, **parts})


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


def _add(shape: _Shape, key: dict[str, Any]) -> None:
    # A foreign key that says the same guards it, and needs no look of its own.
    if not any(it["guarded"] and _says_the_same(it, key) for it in shape.keys):
        shape.keys.insert(0, key)


def _says_the_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one[name] == other[name] for name in ("columns", "keys", "schema", "table"))


def _is_contested(keys: list[dict[str, Any]]) -> bool:
    """Whether a deletion by one of the keys might find nothing, because another has emptied its columns."""
    keys = [key for key in keys if key["is_deleted"]]
    deleting = {column for key in keys if key["on_delete"] == "c" for column in key["columns"]}
    return any(deleting & set(key["sets"]) for key in keys if key["on_delete"] in "nd")


def _emptied(shape: _Shape, facts: dict[str, Any]) -> dict[str, list[str]]:
    """The columns that keys may have set, each with the values that they leave, as SQL."""
    left: dict[str, list[str]] = {}
    for key in shape.keys:
        for column in key["sets"]:
            values = {"n": ["NULL"], "d": [facts["defaults"][column]]}
            left.setdefault(column, []).extend(values.get(key["on_delete"], [*values["n"], *values["d"]]))
    return {column: list(dict.fromkeys(left[column])) for column in sorted(left)}


def _left_by(shape: _Shape, facts: dict[str, Any]) -> dict[str, sql.Composable]:
    """Whether a row p is the archived row r as the keys have left it."""
    emptied = _emptied(shape, facts)
    untouched = []
    for column in dict.fromkeys(column for key in shape.keys for column in key["columns"]):
        name = sql.Identifier(column)
        same = [sql.SQL("p.{0} IS NOT DISTINCT FROM r.{0}").format(name)]
        same += [
            sql.SQL("p.{} IS NOT DISTINCT FROM ({})").format(name, sql.SQL(value))
            for value in emptied.get(column, [])
        ]
        untouched.append(sql.SQL("({})").format(sql.SQL(" OR ").join(same)))
    names = [sql.Identifier(column) for column in emptied]
    return {
        "matches": _matches(facts["primary"]),
        "untouched": sql.SQL(" AND ").join(untouched),
        "emptied": sql.SQL(" OR ").join(
            sql.SQL("p.{0} IS DISTINCT FROM r.{0}").format(name) for name in names
        ),
    }


def _matches(columns: list[str]) -> sql.Composable:
    """A row r is the row p."""
    return sql.SQL(" AND ").join(
        sql.SQL("p.{0} = r.{0}").format(sql.Identifier(column)) for column in columns
    )


def _list(names: list[str]) -> str:
    return ", ".join(join(name) for name in names)


def _definition(column: dict[str, Any]) -> bytes:
    """A column of the table in which the rows wait; of a type that may not be used it is text."""
    type_, collation = (column["type"], column["collation"]) if column["usable"] else ("text", "")
    parts = sql.Identifier(column["name"]), sql.SQL(type_), sql.SQL(collation)
    return sql.SQL(", {} {}{}").format(*parts).as_bytes()


def _as_sql(text: bytes) -> sql.Composable:
    # Braces mean something to SQL.format only in its own text.
    return sql.SQL(text.decode().strip())


def _quote(text: str) -> str:
    return sql.Literal(text).as_string()
