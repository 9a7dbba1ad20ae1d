"""Puts rows back, each to the letter: read as the table's columns, and round after round what can go back.

A round that puts nothing back is the last: that orders parents before children by itself.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg import sql

from sqlrail.ground.names import join
from sqlrail.orphans import expressions
from sqlrail.orphans.restoring import elsewhere
from sqlrail.orphans.restoring.shape import Facts, Key, Shape, emptied, is_row, left_by, listing
from sqlrail.orphans.session import Session, message
from sqlrail.postgres.diagnostics import primary, without_values

#: classes of SQLSTATE that are about a row: its values, a constraint, what a trigger raised, a limit. While cells
#: are read also 42: the text of a regclass or a tsquery may be wrong by now, but no right is a row's fault.
ROWS, CELLS, RIGHTS = ("22", "23", "54", "P0"), ("22", "23", "42", "54"), ("42501",)


class Work:
    """One restore within the transaction that the session has open."""

    def __init__(self, session: Session, shapes: list[Shape], *, force: bool) -> None:
        self.session, self.shapes, self.force = session, shapes, force

    def put_back(self) -> None:
        """Puts back what can go back, and says of the rest why it stays."""
        going = [shape for shape in self.shapes if not shape.stuck]
        if any(shape.facts and shape.facts.distributed for shape in going):
            self.ask("nodes_durable")
        for shape in self.shapes:
            if shape.stuck:
                self._leave(shape, 1, shape.rows, shape.stuck, final=True)
            elif shape.of:
                self._take_over(shape, shape.of)
            else:
                self.fill(shape)
        # What a cascade changed is put right on rows that are there again, its last change first.
        going.sort(key=lambda shape: (shape.is_update, -shape.number if shape.is_update else shape.number))
        while sum(self._round(shape) for shape in going):
            pass

    def ask(self, name: str, **parts: Any) -> list[tuple[Any, ...]]:
        """What a message of ours returns."""
        return self.session.ask(message(self.session, name, **parts))

    def _take_over(self, shape: Shape, of: Shape) -> None:
        """Those of another shape's rows that were emptied, and not deleted."""
        assert shape.facts is not None
        if not of.stuck:
            shape.ask(self.session, "restore_kept", of=of.number, **left_by(self.session, shape, shape.facts))

    def fill(self, shape: Shape) -> None:
        """Reads the cells as the table's columns."""
        facts = shape.facts
        assert facts is not None
        connection = self.session.connection
        shape.ask(self.session, "restore_rows", columns=b"".join(map(_definition, facts.columns)))
        names, values, changed = b"", b"", b""
        for column in facts.columns:
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
        if shape.is_update:
            primary = sql.SQL(", ").join(map(sql.Identifier, facts.primary))
            shape.ask(self.session, "restore_index", primary=primary)
        self.session.ask(sql.SQL("ANALYZE {}").format(facts.stored).as_bytes())

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
        attributes = column["attributes"]
        if not column["is_array"]:
            return self._fragment("_restore_grown", cell=cell, attributes=attributes)
        grown = self._fragment("_restore_grown", cell=sql.SQL("item.cell"), attributes=attributes)
        return self._fragment("_restore_grown_array", cell=cell, grown=grown)

    def _fragment(self, name: str, **parts: Any) -> sql.Composable:
        # Braces mean something to SQL.format only in its own text.
        return sql.SQL(message(self.session, name, **parts).decode())

    def _round(self, shape: Shape) -> int:
        """Puts back what can go back now, and returns how many rows that were."""
        facts = shape.facts
        assert facts is not None
        if shape.ask(self.session, "restore_again") == [(0,)]:
            return 0
        if shape.is_update:
            return self._update(shape, facts)
        self._mark_taken(shape, facts)
        change = self._inserting(shape, facts)
        self._mark_parentless(shape)
        return self._by_halves(shape, "restore_put", ROWS, change=change, condition=b"")

    def _inserting(self, shape: Shape, facts: Facts) -> bytes:
        columns = [sql.Identifier(each["name"]) for each in facts.columns]
        values = sql.SQL(", ").join(sql.SQL("r.{}").format(column) for column in columns)
        return shape.message(
            self.session, "_restore_insert", names=sql.SQL(", ").join(columns), values=values
        )

    def _update(self, shape: Shape, facts: Facts) -> int:
        """Puts old values back where rows are as the change left them; how many rows that were."""
        parts = left_by(self.session, shape, facts)
        if facts.distributed:
            elsewhere.ask_for_rows(self.session, shape, facts)
            self._mark_touched(shape, {**parts, "target": elsewhere.NOW})
            self._mark_parentless(shape)
            put = self._by_halves(shape, "nodes_put", ROWS, **parts, **elsewhere.putting(shape, facts))
            shape.ask(self.session, "nodes_put_over")
            return put
        self._mark_touched(shape, parts)
        self._mark_parentless(shape)
        names = [sql.Identifier(column) for column in emptied(shape, facts)]
        assignments = sql.SQL(", ").join(sql.SQL("{0} = r.{0}").format(name) for name in names)
        change = shape.message(self.session, "_restore_update", assignments=assignments)
        condition = shape.message(self.session, "_restore_untouched", **parts)
        return self._by_halves(shape, "restore_put", ROWS, change=change, condition=condition)

    def _mark_taken(self, shape: Shape, facts: Facts) -> None:
        for unique in facts.unique:
            if set(unique["columns"]) - set(facts.lost) <= set(shape.columns):
                why = f"another row has its {listing(unique['columns'])} by now ({unique['name']})"
                self._mark_taken_by(shape, unique["columns"], why)

    def _mark_taken_by(self, shape: Shape, columns: list[str], why: str) -> None:
        assert shape.facts is not None
        parts: dict[str, Any] = {"why": why, "matches": is_row(columns)}
        if not shape.facts.distributed:
            shape.ask(self.session, "restore_taken", **parts)
            return
        ours, theirs = (
            expressions.joined(", ", (expressions.column_of(it, name) for name in columns)) for it in "rp"
        )
        shape.ask(self.session, "nodes_taken", columns=ours, keys=theirs, **parts)

    def _mark_parentless(self, shape: Shape) -> None:
        # Where one stays, those below it in the same table stay as well.
        while sum(self._ask_for_parents(shape, key) for key in shape.keys):
            if not any(key["self"] for key in shape.keys):
                return

    def _ask_for_parents(self, shape: Shape, key: Key) -> int:
        matches = expressions.matches(
            [sql.SQL("p.{}").format(sql.Identifier(name)) for name in key["keys"]],
            key["operators"],
            [sql.SQL("r.{}").format(sql.Identifier(name)) for name in key["columns"]],
        )
        columns = [sql.SQL("r.{} IS NOT NULL").format(sql.Identifier(column)) for column in key["columns"]]
        table = sql.Identifier(key["schema"], key["table"])
        siblings: bytes = b""
        if key["self"] and not shape.is_update:
            siblings = shape.message(self.session, "_restore_sibling", matches=matches)
        parent = join(key["schema"], key["table"])
        target = sql.SQL("ONLY {}").format(table) if key["only"] else table
        ((marked,),) = shape.ask(
            self.session,
            "nodes_missing" if key["distributed"] else "restore_missing",
            parent=target,
            columns=expressions.joined(", ", (expressions.column_of("r", name) for name in key["columns"])),
            keys=sql.SQL(", ").join(sql.SQL("p.{}").format(sql.Identifier(name)) for name in key["keys"]),
            matches=matches,
            # MATCH FULL wants a parent, or none of its columns.
            present=sql.SQL(" OR " if key["full"] else " AND ").join(columns),
            holding=b"" if key["guarded"] else self._holding(key, target),
            siblings=siblings,
            why=f"no row of {parent} has the {listing(key['keys'])} that {listing(key['columns'])} names "
            f"({key['name']})",
        )
        return int(marked)

    def _holding(self, key: Key, parent: sql.Composable) -> bytes:
        """What keeps parents where they are until we commit."""
        if not key["distributed"]:
            return b"FOR KEY SHARE OF p"
        return message(self.session, "nodes_hold", parent=parent) + message(self.session, "nodes_recover")

    def _mark_touched(self, shape: Shape, parts: dict[str, sql.Composable]) -> None:
        shape.ask(self.session, "restore_unset", **parts,
            later=b" OR ".join(self._later(shape, each) for each in self.shapes if each.source == shape.source),
            gone=f"its row of {shape.source} is gone",
            changed=f"its row of {shape.source} has been changed since",
            same=f"its row of {shape.source} holds the old values already",
            waits="a later change of the same columns comes first",
        )  # fmt: skip

    def _later(self, shape: Shape, other: Shape) -> bytes:
        assert shape.facts is not None
        if other.facts is None or other.stuck or not other.is_update:
            return b"false"
        if not emptied(shape, shape.facts).keys() & emptied(other, other.facts).keys():
            return b"false"
        primary = [sql.Identifier(name) for name in shape.facts.primary]
        is_same = sql.SQL(" AND ").join(sql.SQL("q.{0} = r.{0}").format(name) for name in primary)
        return shape.message(
            self.session, "_restore_later", other=other.number, its=other.facts.rows, is_same=is_same
        )

    def _by_halves(self, shape: Shape, name: str, faults: tuple[str, ...], **parts: Any) -> int:
        """Puts all of a shape's rows in one statement; what fails is halved until the rows at fault are alone.

        Returns how many rows that were.
        """
        ranges, done = [(1, shape.rows)], 0
        while ranges:
            first, last = ranges.pop()
            text = shape.message(self.session, name, first=first, last=last, **parts)
            try:
                counts = self.session.ask(b"SAVEPOINT sqlrail_piece;\n" + text)
                fault = None
            except psycopg.Error as exc:
                state = exc.sqlstate or ""
                if state[:2] not in faults or state in RIGHTS:
                    raise
                fault, counts = exc, []
            if fault is None and all(put == marked for put, marked in counts):
                self.session.ask(b"RELEASE SAVEPOINT sqlrail_piece")
                done += sum(put for put, _ in counts)
                continue
            self.session.ask(b"ROLLBACK TO SAVEPOINT sqlrail_piece; RELEASE SAVEPOINT sqlrail_piece")
            if first == last:
                # Its parent may yet come back, or the row that has its key be put right.
                final = not isinstance(fault, pg.ForeignKeyViolation | pg.UniqueViolation)
                self._leave(shape, first, last, _why(fault), final=final)
            else:
                middle = (first + last) // 2
                ranges += [(middle + 1, last), (first, middle)]
        return done

    def _leave(self, shape: Shape, first: int, last: int, why: str, *, final: bool) -> None:
        self.ask("restore_leave", shape=shape.number, first=first, last=last, why=why, final=final)


def _why(fault: psycopg.Error | None) -> str:
    """Why a row stays, without its values."""
    if fault is None:
        return "a trigger, or somebody's change, kept it out"
    if (fault.sqlstate or "").startswith("42"):  # a cell is read as the name of something that is gone
        return without_values(fault.diag.message_primary or str(fault))
    return primary(fault) or str(fault)


def _definition(column: dict[str, Any]) -> bytes:
    """A column of the table in which the rows wait; of a type that may not be used it is text."""
    type_, collation = (column["type"], column["collation"]) if column["usable"] else ("text", "")
    parts = sql.Identifier(column["name"]), sql.SQL(type_), sql.SQL(collation)
    return sql.SQL(", {} {}{}").format(*parts).as_bytes()
