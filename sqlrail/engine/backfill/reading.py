"""Whether the plan of a backfill's statement goes to the rows of its batch, or reads a whole table for each batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlrail.engine.session import Session
from sqlrail.errors import Refused
from sqlrail.files.file import File
from sqlrail.ground.backfill import BATCH
from sqlrail.ground.words import size

#: bytes up to which a table may be read wholly for each batch: a few milliseconds
SMALL = 8 << 20
#: what reads a table from its beginning to its end, or an index where it has no condition
READS = ("Seq Scan", "Index Scan", "Index Only Scan")


def whole(plan: Any) -> Iterator[tuple[str, str]]:
    """The tables that a plan reads wholly, each with its schema; plan: a node of EXPLAIN (VERBOSE, FORMAT JSON)."""
    if plan["Node Type"] in READS and "Index Cond" not in plan and plan.get("Relation Name") != BATCH:
        yield plan["Schema"], plan["Relation Name"]
    for below in plan.get("Plans", ()):
        yield from whole(below)


def check(session: Session, file: File, explained: Any, place: str) -> None:
    """Refused where a large table is read for each batch. explained: what EXPLAIN has answered."""
    found = sorted(set(whole(explained[0]["Plan"])))
    if not found:
        return
    schemas, tables = map(list, zip(*found, strict=True))
    text = session.store.message("ours")
    text += session.store.message("backfill_sizes", schemas=schemas, tables=tables, least=SMALL)
    large = session.ask(text)
    if large:
        name, bytes_ = large[0]
        raise Refused(
            f"{place}: it would read all of {name} ({size(bytes_)}) for each batch of {file.backfill}: join it to "
            f"{BATCH} by the columns of the key, as they are, or make the index by which its rows are found."
        )
