"""What takes the keys of the next batch, composed so that each comparison goes along the index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg import sql

from sqlrail.engine.backfill.table import EQUAL, GREATER, LESS, Column, Table
from sqlrail.engine.store import Store
from sqlrail.ground.backfill import Backfill

#: a key as text, a value for each of its columns
Key = Sequence[str]


class Walk:
    """Composes messages about the keys of one table."""

    def __init__(self, store: Store, table: Table, backfill: Backfill) -> None:
        self._store, self._table, self._backfill = store, table, backfill

    def last(self) -> bytes:
        """What asks for the last key, as text; no row where the table is empty."""
        table = self._table
        parts = {"table": sql.SQL(table.name), "order": table.backwards, "texts": self._texts("t")}
        return self._exact(self._store.message("backfill_last", **parts))

    def take(self, after: Key | None, upto: Key | None, size: int) -> bytes:
        """What makes the table of a batch; and then its rows, and its last key as text."""
        walk = self._walk(after, upto, size)
        if not self._backfill.by_range:
            texts = self._texts("t")
            return self._exact(
                self._store.ddl("backfill_take", walk=walk, texts=texts, last=self._table.backwards)
            )
        ends = sql.SQL(", ").join(
            sql.SQL("{}.{} AS {}").format(
                sql.SQL(end), sql.Identifier(column.name), sql.Identifier(f"{end}_{column.name}")
            )
            for end in ("first", "last")
            for column in self._table.columns
        )
        parts = {"ends": ends, "keys": self._table.order, "last": self._table.backwards}
        texts = self._texts("t", "last_")
        return self._exact(self._store.ddl("backfill_take_range", walk=walk, texts=texts, **parts))

    def _exact(self, text: bytes) -> bytes:
        """The same under settings by which a value's text is exact."""
        store = self._store
        return store.message("archive_format") + text + store.message("archive_format_off")

    def _texts(self, table: str, prefix: str = "") -> sql.Composable:
        """The key's values as their types write them, whatever cast to text somebody has made."""
        return sql.SQL(", ").join(
            sql.SQL("format('%s', {}.{})").format(sql.SQL(table), sql.Identifier(f"{prefix}{column.name}"))
            for column in self._table.columns
        )

    def _walk(self, after: Key | None, upto: Key | None, size: int) -> bytes:
        table = self._table
        branches = b" UNION ALL ".join(
            self._store.message(
                "_backfill_branch",
                keys=table.order, table=sql.SQL(table.name), behind=behind, order=table.order, size=size,
            )
            for behind in self._behind(after)
        )  # fmt: skip
        within = b"false" if upto is None else self._within(upto)
        return self._store.message(
            "_backfill_walk", keys=table.order, branches=branches, size=size, within=within
        )

    def _behind(self, after: Key | None) -> Iterator[bytes]:
        """What is behind a key, in its order: equal in all but the last column, and so on; all rows without one."""
        if after is None:
            yield b"true"
            return
        for greater in reversed(range(len(after))):
            yield self._begins(after, greater, GREATER)

    def _within(self, upto: Key) -> bytes:
        """What is not behind a key."""
        parts = [self._begins(upto, less, LESS) for less in range(len(upto))]
        parts.append(self._begins(upto, len(upto), LESS))
        return b"(" + b" OR ".join(parts) + b")"

    def _begins(self, key: Key, equal: int, strategy: str) -> bytes:
        """That so many columns are equal to the key's, and the next one less or greater."""
        columns = self._table.columns
        parts = [self._compare(columns[n], EQUAL, key[n]) for n in range(equal)]
        parts += [self._compare(columns[equal], strategy, key[equal])] if equal < len(columns) else []
        return b"(" + b" AND ".join(parts) + b")"

    def _compare(self, column: Column, strategy: str, value: str) -> bytes:
        schema, operator = column.operators[strategy]
        return self._store.message(
            "_backfill_compare",
            column=sql.Identifier(column.name), schema=sql.Identifier(schema), operator=sql.SQL(operator),
            value=value, type=sql.SQL(column.type),
        )  # fmt: skip
