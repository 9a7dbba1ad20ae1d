"""Whether the plan of a backfill's statement goes to the rows of its batch, or reads a whole table for each batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlrail.engine.session import Session
from sqlrail.errors import Refused
from sqlrail.files.file import File
from sqlrail.ground.backfill import BATCH
from sqlrail.ground.words import size

#: bytes up to which a table may be read wholly for each batch: a few milliseconds
SMALL = 8 << 20
#: what reads a table from its beginning to its end, or an index where it has no condition
READS = ("Seq Scan", "Index Scan", "Index Only Scan")
#: what the batch is called, and its table on Citus
BATCHES = (BATCH, "sqlrail_keys")


class Read(NamedTuple):
    """A table that is read wholly, or a shard of one on a node of Citus."""

    is_shard: bool
    schema: str
    name: str


def whole(plan: Any, *, is_shard: bool = False) -> Iterator[Read]:
    """What a plan reads wholly; plan: what EXPLAIN (VERBOSE, FORMAT JSON) gives, of whatever nodes."""
    if isinstance(plan, list):
        for each in plan:
            yield from whole(each, is_shard=is_shard)
    elif isinstance(plan, dict):
        if (
            plan.get("Node Type") in READS
            and "Index Cond" not in plan
            and plan["Relation Name"] not in BATCHES
        ):
            yield Read(is_shard, plan["Schema"], plan["Relation Name"])
        for name, below in plan.items():
            yield from whole(below, is_shard=is_shard or name == "Remote Plan")


def check(session: Session, file: File, explained: Any, place: str) -> None:
    """Refused where a large table is read for each batch. explained: what EXPLAIN has answered."""
    found = sorted(set(whole(explained)))
    here, shards = ([it for it in found if it.is_shard == elsewhere] for elsewhere in (False, True))
    parts = {"schemas": [it.schema for it in here], "tables": [it.name for it in here]}
    large = _asked(session, "backfill_sizes", **parts) if here else []
    large += _asked(session, "backfill_sizes_nodes", shards=[it.name for it in shards]) if shards else []
    if large:
        name, bytes_ = large[0]
        raise Refused(
            f"{place}: it would read all of {name} ({size(bytes_)}) for each batch of {file.backfill}: join it to "
            f"{BATCH} by the columns of the key, as they are, or make the index by which its rows are found."
        )


def _asked(session: Session, name: str, **parts: list[str]) -> list[tuple[str, int]]:
    """Those that are large: name and bytes."""
    text = session.store.message("ours") + session.store.message(name, least=SMALL, **parts)
    return session.ask(text)
