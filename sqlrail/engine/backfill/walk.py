"""What takes the keys of the next batch, composed so that each comparison goes along the index."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from psycopg import sql

from sqlrail.engine.backfill.nodes import told
from sqlrail.engine.backfill.table import EQUAL, GREATER, LESS, Column, Table
from sqlrail.engine.store import Store
from sqlrail.ground.backfill import Backfill

#: a key as text, a value for each of its columns
Key = Sequence[str]
#: what stands for a shard in what all are asked
SHARD = "\x01"


class Walk:
    """Composes messages about the keys of one table."""

    def __init__(self, store: Store, table: Table, backfill: Backfill) -> None:
        self._store, self._table, self._backfill = store, table, backfill

    @property
    def is_citus(self) -> bool:
        """Whether rows may lie on other nodes."""
        return self._table.nodes is not None

    def last(self) -> bytes:
        """What asks for the last key, as text; no row where the table is empty."""
        table = self._table
        parts = {
            "table": sql.SQL(table.name),
            "keys": table.order,
            "order": table.backwards,
            "texts": self._texts("t"),
        }
        return self._exact(self._store.message("backfill_last", **parts))

    def take(self, after: Key | None, upto: Key | None, size: int, end: Key | None = None) -> bytes:
        """What makes the table of a batch; and then its rows, and its last key as text.

        end: a key up to which there are about so many rows, see milestones().
        """
        if self._backfill.by_range and end is not None and len(end) == 1:
            # Of several columns what is behind a key would be sought from the first one on.
            return self._take_range("backfill_take_span", **self._span(after, end))
        walk = self._walk(after, end or upto, size)
        if self._backfill.by_range:
            return self._take_range("backfill_take_range", walk=walk)
        parts = {"walk": walk, "texts": self._texts("t"), "last": self._table.backwards, **self._batch}
        return self._exact(self._store.ddl("backfill_take", **parts))

    def _take_range(self, name: str, **more: Any) -> bytes:
        ends = sql.SQL(", ").join(
            sql.SQL("{}.{} AS {}").format(
                sql.SQL(end), sql.Identifier(column.name), sql.Identifier(f"{end}_{column.name}")
            )
            for end in ("first", "last")
            for column in self._table.columns
        )
        parts = {"ends": ends, "keys": self._table.order, "last": self._table.backwards}
        texts = self._texts("t", "last_")
        return self._exact(self._store.ddl(name, texts=texts, **parts, **more, **self._batch))

    def _span(self, after: Key | None, end: Key) -> dict[str, Any]:
        """What is behind a key, and not behind another."""
        behind = b"(" + b" OR ".join(self._behind(after)) + b")"
        return {"table": sql.SQL(self._table.name), "behind": behind, "within": self._within(end)}

    @property
    def _batch(self) -> dict[str, Any]:
        """What the table of the batch is called, and by what else it is seen."""
        if self._table.nodes is None:
            return {"batch": sql.SQL("sqlrail_batch"), "seen": b""}
        return {"batch": sql.SQL("sqlrail_keys"), "seen": self._store.message("backfill_seen")}

    @property
    def shards(self) -> int:
        """In how many places its rows are."""
        nodes = self._table.nodes
        return nodes.shards if nodes is not None and nodes.is_spread else 1

    def milestones(self, after: Key | None, upto: Key, each: int, most: int) -> bytes | None:
        """What asks each shard for every so-manieth key, for so many at the most; None where that cannot be written."""
        if any(SHARD in value for value in (*(after or ()), *upto)):
            return None
        texts = sql.SQL(", ").join(told(one.name, one.type) for one in self._table.columns)
        branches = self._branches(after, each * most, self._within(upto), SHARD)
        parts = {"texts": texts, "keys": self._table.order, "size": each * most, "each": each}
        command = self._store.message("_backfill_on_shard", branches=branches, **parts).decode()
        more = {"table": self._table.oid, "most": most, "command": command, "shard": SHARD}
        return self._exact(self._store.message("backfill_milestones", **more, **self._ahead(after, upto)))

    def milestone(self, keys: Sequence[Key], after: Key | None, upto: Key, wanted: int) -> bytes:
        """What asks for the so-manieth of these keys behind a key, or the last of them, and how many there are."""
        milestones = [json.dumps(key) for key in keys]
        parts = {"milestones": milestones, "wanted": wanted, **self._ahead(after, upto)}
        return self._exact(self._store.message("backfill_milestone", **parts))

    def _ahead(self, after: Key | None, upto: Key) -> dict[str, Any]:
        """How keys that were told are read, and which of them are between two keys."""
        read = sql.SQL(", ").join(
            sql.SQL("(key.texts::jsonb->>{})::{} AS {}").format(
                n, sql.SQL(one.type), sql.Identifier(one.name)
            )
            for n, one in enumerate(self._table.columns)
        )
        behind = b" OR ".join(self._behind(after))
        parts = {"read": read, "behind": behind, "within": self._within(upto)}
        return {**parts, "texts": self._texts("t"), "keys": self._table.order}

    def _exact(self, text: bytes) -> bytes:
        """The same under settings by which a value's text is exact."""
        store = self._store
        ahead = store.message("backfill_elsewhere") if self.is_citus else b""
        return ahead + store.message("archive_format") + text + store.message("archive_format_off")

    def _texts(self, table: str, prefix: str = "") -> sql.Composable:
        """The key's values as their types write them, whatever cast to text somebody has made."""
        return sql.SQL(", ").join(
            sql.SQL("format('%s', {}.{})").format(sql.SQL(table), sql.Identifier(f"{prefix}{column.name}"))
            for column in self._table.columns
        )

    def _walk(self, after: Key | None, upto: Key | None, size: int) -> bytes:
        within = b"false" if upto is None else self._within(upto)
        # Each shard would hand over what is behind the last key as well.
        branches = self._branches(after, size, within if self._table.nodes else b"true")
        return self._store.message(
            "_backfill_walk", keys=self._table.order, branches=branches, size=size, within=within
        )

    def _branches(self, after: Key | None, size: int, more: bytes, name: str | None = None) -> bytes:
        """The next rows behind a key, of those of which more is true; name: of another table that is like it."""
        table = self._table
        return b" UNION ALL ".join(
            self._store.message(
                "_backfill_branch", keys=table.order, table=sql.SQL(name or table.name), behind=behind, more=more,
                order=table.order, size=size,
            )
            for behind in self._behind(after)
        )  # fmt: skip

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
