"""What the database says of what code files have made in it, and of what leans on that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlrail.engine.code.carried import Fact
from sqlrail.engine.code.leaning import Address, Leaning, leaning
from sqlrail.engine.code.touched import Edge
from sqlrail.engine.session import Session
from sqlrail.engine.store import Store
from sqlrail.records.code import CodeRecord


class Catalog:
    """Asks in the transaction that is open, and writes what it is told to; names lead to PostgreSQL's own."""

    def __init__(self, session: Session) -> None:
        self._session, self._store = session, session.store

    def ask(self, name: str, **parts: Any) -> list[tuple[Any, ...]]:
        """The rows of <name>.sql."""
        return self._session.ask(self._store.message(name, **parts))

    def write(self, statements: Iterable[str]) -> None:
        """Runs them in one message."""
        if texts := list(statements):
            text = "".join(f"{text};\n" for text in texts).encode()
            self._session.ask(self._store.message("writes") + text + self._store.message("ours"))

    def records(self) -> dict[str, CodeRecord]:
        """What code files have made, by their names."""
        rows = self.ask("code_records", code_objects=self._store.message("_code_objects"))
        return {record.name: record for record in (CodeRecord(*row) for row in rows)}

    def contents(self, names: Collection[str]) -> dict[str, bytes]:
        """The texts by which these were made."""
        if not names:
            return {}
        return {name: bytes.fromhex(text) for name, text in self.ask("code_contents") if name in names}

    def find(self, names: Collection[str]) -> dict[str, Address]:
        """Where what these files have made is."""
        if not names:
            return {}
        rows = self.ask("code_found", names=[*names], code_objects=self._store.message("_code_objects"))
        return {name: (class_, id_) for name, class_, id_ in rows}

    def facts(self, places: Collection[Address]) -> dict[Address, set[Fact]]:
        """What is said of each of them."""
        found: dict[Address, set[Fact]] = {place: set() for place in places}
        for class_, id_, *fact in self.ask("code_facts", **_columns(places)) if places else []:
            found[class_, id_].add(Fact(*fact))
        return found

    def leaning(self, roots: Collection[Address], records: Mapping[str, CodeRecord]) -> Leaning:
        """What has to be dropped with these."""
        if not roots:
            return Leaning((), frozenset(), ())
        made = {(record.kind, record.identity): record.name for record in records.values()}
        return leaning(self.ask("code_leaning", **_columns(roots)), made)

    def edges(self) -> list[Edge]:
        """What those that code files have made lean on by themselves."""
        return as_edges(self._session.ask(code_edges(self._store)))

    def made(self, kind: str) -> tuple[int, int, str] | None:
        """Class, id and whole name of what the last statement has made."""
        is_written = self._store.message("_written", xmin=b"o.writer")
        rows = self._session.ask(
            self._store.message("ours") + self._store.message("code_made", kind=kind, is_written=is_written)
        )
        return rows[0] if rows else None


def code_edges(store: Store) -> bytes:
    """What asks what those that code files have made lean on by themselves."""
    return store.message("code_edges", code_objects=store.message("_code_objects"))


def as_edges(rows: Iterable[tuple[Any, ...]]) -> list[Edge]:
    """The answer."""
    return [Edge(name, frozenset(names), frozenset(columns), *more) for name, names, columns, *more in rows]


def _columns(places: Collection[Address]) -> dict[str, list[int]]:
    """Places as queries take them."""
    return {"classes": [class_ for class_, _ in places], "ids": [id_ for _, id_ in places]}
