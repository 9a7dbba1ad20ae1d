"""Fills in what looks for duplicates, and what takes them away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from psycopg import sql

from sqlrail.ground.names import join
from sqlrail.ground.unique import Unique
from sqlrail.orphans.duplicates.facts import Facts, Key
from sqlrail.orphans.duplicates.stages import Finder, Found, pointed_columns
from sqlrail.orphans.duplicates.told import Duplicates, Pointed
from sqlrail.orphans.expressions import as_text, cells, column_of, joined, matches, object_of, spelt, table
from sqlrail.orphans.facts import Table
from sqlrail.orphans.session import Session, message


def _kept_as(name: str) -> sql.Composable:
    """The table that keeps an answer."""
    return sql.Identifier("pg_temp", f"sqlrail_{name}")


TRUE = sql.SQL("true")


class Composer:
    """The statements about the duplicates of one table; before: rows that earlier rounds have deleted."""

    def __init__(
        self, session: Session, wanted: Unique, facts: Facts, *, before: int = 0,
        expected: int | sql.Composable | None = None, kept: bool = True,
    ) -> None:  # fmt: skip
        self.session, self.wanted, self.facts = session, wanted, facts
        self.before, self.expected = before, expected
        self.named = _kept_as if kept else sql.Identifier
        self.found: Found = Finder(session, wanted, facts, self.named).find()

    def __call__(self, name: str, **parts: Any) -> bytes:
        ours = {each: message(self.session, each) for each in ("ours", "writes")}
        return message(self.session, name, **{**ours, **parts})

    def look(self, *, closely: bool) -> bytes:
        """What finds them, and says what would become of whom; closely: and counts all rows."""
        stages = (
            self("_duplicate_stage", named=self.named(it.name), query=it.query) for it in self.found.stages
        )
        rows = self._count(table(self.facts.of(self.facts.table))) if closely else b"NULL"
        return self("duplicate_look", stages=b",\n".join(stages), told=self._told(rows))

    def clean(self, *, verb: str, migration: str | None) -> bytes:
        """What finds, weighs, archives and deletes them once, and points at the rows that stay what refers to them."""
        text = self("archive_format") + b"".join(
            self("duplicate_stage", named=self.named(it.name), query=it.query) for it in self.found.stages
        )
        text += self("duplicate_weigh", told=self._told())
        text += self(
            "begin_run", found_in=self._gone(self.facts.table),
            verb=verb, migration=migration, actor=self.session.settings.actor,
        )  # fmt: skip
        text += b"".join(self._archive()) + self._write() + self("deferred_keys") + self("archive_format_off")
        return text + self._report()

    def _report(self) -> bytes:
        """What notes what was done, and returns it."""
        return self(
            "duplicate_report", relation=str(self.wanted),
            tables=joined(", ", (self.named(it.name) for it in self.found.stages)),
        )  # fmt: skip

    def _gone(self, table: int) -> sql.Composable:
        return self.named(self.found.gone[table])

    def _pointed(self, child: int) -> sql.Composable:
        return self.named(self.found.pointed[child])

    # what was found

    def read(self, told: Mapping[str, Any]) -> Duplicates:
        """What the server has told of it."""
        facts = self.facts
        gone = dict(zip(self.found.gone, told["gone"], strict=True))
        pointed = tuple(
            Pointed(key["name"], facts.of(key["child"])["name"], tuple(key["columns"]), rows)
            for key, rows in zip(facts.keys, told["referring"], strict=True)
            if rows
        )
        in_turn = tuple(
            (facts.of(table)["name"], rows) for table, rows in gone.items() if rows and table != facts.table
        )
        return Duplicates(
            self.wanted.by, told["groups"], gone[facts.table], pointed, in_turn, sum(told["pointed"])
        )

    def _told(self, rows: bytes = b"NULL") -> bytes:
        """The query that counts it all; rows: what counts the table's own."""
        found = self.found
        gone = [self._count(self.named(name)) for name in found.gone.values()]
        referring = [
            self._count(self.named(name), self._stays(n)) for n, name in sorted(found.referring.items())
        ]
        pointed = [self._count(self.named(name)) for name in found.pointed.values()]
        return self(
            "_duplicate_told",
            gone=self._gone(self.facts.table),
            counts_gone=b", ".join(gone),
            counts_referring=b", ".join(referring),
            counts_pointed=b", ".join(pointed),
            rows=rows,
            refusals=b" UNION ALL ".join(self._refusals()),
        )

    def _count(self, rows: sql.Composable, condition: sql.Composable | bytes = TRUE) -> bytes:
        return self("_duplicate_count", rows=rows, condition=condition)

    def _stays(self, key: int) -> sql.Composable | bytes:
        """Whether a row that refers by a key is none of those that go."""
        child = self.facts.keys[key]["child"]
        if child not in self.found.gone:
            return TRUE
        return self("_duplicate_stays", gone=self._gone(child), row=sql.SQL("place"))

    # what forbids it

    def _refusals(self) -> Iterator[bytes]:
        for n, of in enumerate(self.found.gone):
            yield self._share(of, self.before if n == 0 else 0)
            for word, why in self.facts.of(of)["forbidden"]:
                if word == "DELETE":
                    yield self._refusal(
                        f"%s rows of {self._name(of)} would go, but {_text(why)}", self._gone(of)
                    )
        if self.expected is not None:
            yield self._more_than_expected()
        for child in self.found.pointed:
            yield from self._refusals_of(child)
        for n, key in enumerate(self.facts.keys):
            rows_of, name = f"%s rows of {self._name(key['child'])}", _text(join(key["name"]))
            why = f"{rows_of} refer by the key {name} to rows that would go, "
            rows = self.named(self.found.referring[n])
            if key["is_partial"]:
                yield self._refusal(
                    f"{why}and it refers to a partition, which need not have the row that stays", rows
                )
            if key["is_period"]:
                yield self._refusal(f"{why}and over a PERIOD they may refer to several rows", rows)
            if n in self.found.circular:
                yield self._refusal(
                    f"{why}and become duplicates themselves, in a circle", rows, self._stays(n)
                )

    def _more_than_expected(self) -> bytes:
        """Somebody is making duplicates right now; what was looked at is not what would go."""
        settings = self.session.settings
        return self(
            "_duplicate_many", rows=self._gone(self.facts.table), expected=self.expected,
            max_rows=settings.max_rows, max_share=settings.max_share,
        )  # fmt: skip

    def _refusals_of(self, child: int) -> Iterator[bytes]:
        described, rows = self.facts.of(child), self._pointed(child)
        what = f"%s rows of {self._name(child)} would refer to another row, but "
        for word, why in described["forbidden"]:
            if word == "UPDATE":
                yield self._refusal(what + _text(why), rows)
        for column in pointed_columns(self.facts, child):
            if column in described["given"]:
                why = described["given"][column]
                new, old = self._values(child, [column])
                yield self(
                    "_duplicate_given", why=f"{what}{_text(join(column))} {_text(why)}", rows=rows,
                    child=table(described), new=new, old=old,
                )  # fmt: skip
        for n, key in enumerate(self.facts.keys):
            if key["child"] == child:
                yield self._nameless(n)
            changed = [column for column in pointed_columns(self.facts, child) if column in key["keys"]]
            if key["of"] == child and changed:
                yield self._moved(child, key, changed)

    def _values(self, child: int, columns: list[str]) -> list[sql.Composable]:
        """What columns will say, and what they say."""
        types = pointed_columns(self.facts, child)
        numbers = {column: n for n, column in enumerate(types, 1)}
        new = [column_of("place", f"v{numbers[column]}") for column in columns]
        old = [sql.SQL("{}::{}").format(column_of("c", column), sql.SQL(types[column])) for column in columns]
        return [joined(", ", new), joined(", ", old)]

    def _moved(self, child: int, key: Key, changed: list[str]) -> bytes:
        described, (new, old) = self.facts.of(child), self._values(child, changed)
        why = (
            f"%s rows of {self._name(child)} would refer to another row, but rows of {self._name(key['child'])} refer "
            f"to their {_text(', '.join(map(join, changed)))} ({_text(join(key['name']))})"
        )
        matched = matches(
            [column_of("c", name) for name in key["keys"]],
            key["operators"],
            [column_of("d", name) for name in key["columns"]],
        )
        return self(
            "_duplicate_moved", why=why, rows=self._pointed(child), child=table(described), new=new, old=old,
            referring=table(self.facts.of(key["child"])), matches=matched,
        )  # fmt: skip

    def _nameless(self, n: int) -> bytes:
        key = self.facts.keys[n]
        columns = ", ".join(map(join, key["keys"]))
        why = (
            f"%s rows of {self._name(key['child'])} refer by {_text(columns)} to rows that would go, and the row that "
            f"stays has none ({_text(join(key['name']))})"
        )
        values = [column_of("place", f"v{m}") for m, _ in enumerate(key["columns"], 1)]
        is_null = sql.SQL("num_nulls({}) > 0").format(joined(", ", values))
        return self("_duplicate_nameless", why=why, rows=self.named(self.found.referring[n]), is_null=is_null)

    def _refusal(self, why: str, rows: sql.Composable, condition: sql.Composable | bytes = TRUE) -> bytes:
        return self("_duplicate_refusal", why=why, rows=rows, condition=condition)

    def _share(self, of: int, before: int) -> bytes:
        settings = self.session.settings
        why = (
            f"%s of %s rows of {self._name(of)} are duplicates that would go, more than {settings.max_rows} rows and "
            f"{settings.max_share:.0%}% of the table. To clean these rows anyway, allow it: --max-share or --max-rows"
        )
        return self(
            "_duplicate_share", why=why, gone=self._gone(of), table=table(self.facts.of(of)), before=before,
            max_rows=settings.max_rows, max_share=settings.max_share,
        )  # fmt: skip

    def _name(self, of: int) -> str:
        return _text(self.facts.of(of)["name"])

    # what is done

    def _archive(self) -> Iterator[bytes]:
        for of, name in self.found.gone.items():
            yield self(
                "duplicate_archive_gone", **_archived(self.wanted, self.facts.of(of)), rows=self.named(name)
            )
        for child, name in self.found.pointed.items():
            yield self(
                "duplicate_archive_pointed",
                **_archived(self.wanted, self.facts.of(child)),
                rows=self.named(name),
                became=_became(self.facts, child),
            )

    def _write(self) -> bytes:
        parts, names = [], []
        for n, (of, name) in enumerate(self.found.gone.items()):
            names.append(sql.Identifier(f"gone_{n}"))
            described = table(self.facts.of(of))
            parts.append(self("_duplicate_delete", named=names[-1], table=described, rows=self.named(name)))
        deleted = dict(zip(self.found.gone, names, strict=True))
        for n, (child, name) in enumerate(self.found.pointed.items()):
            names.append(sql.Identifier(f"pointed_{n}"))
            is_time = self("_duplicate_is_time", named=deleted[child]) if child in deleted else TRUE
            changes = (
                sql.SQL("{} = {}").format(sql.Identifier(column), column_of("place", f"v{m}"))
                for m, column in enumerate(pointed_columns(self.facts, child), 1)
            )
            parts.append(
                self(
                    "_duplicate_update", named=names[-1], table=table(self.facts.of(child)),
                    rows=self.named(name), changes=joined(", ", changes), is_time=is_time,
                )
            )  # fmt: skip
        counts = (sql.SQL("(SELECT count(*) FROM {})").format(name) for name in names)
        kept = self("_kept_rows", stay="stay as they are")
        return self(
            "duplicate_write", parts=b",\n".join(parts), counts=joined(", ", counts), unchanged_rows=kept
        )


def _archived(wanted: Unique, described: Table) -> dict[str, Any]:
    return {
        "relation": str(wanted),
        "source": described["name"],
        "cells": cells(described),
        "table": table(described),
    }


def _became(facts: Facts, child: int) -> sql.Composable:
    """What the cells of a child become that are pointed at other rows."""
    columns, recast = pointed_columns(facts, child), facts.of(child)["recast"]
    values = [column_of("place", f"v{n}") for n, _ in enumerate(columns, 1)]
    texts = (
        spelt(value) if column in recast else as_text(value)
        for column, value in zip(columns, values, strict=True)
    )
    return object_of(list(columns), texts)


def _text(text: str) -> str:
    # format() reads a percent sign.
    return text.replace("%", "%%")
