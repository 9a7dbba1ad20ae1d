"""What tenants share, in a scratch database: the files of a tenant lean on it, and none of them makes it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from psycopg import sql

from sqlrail.errors import DatabaseFailed
from sqlrail.ground.events import Listener, Warned
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import printable
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection, connect
from sqlrail.postgres.diagnostics import sentence
from sqlrail.schema.catalog import read
from sqlrail.schema.compare import compare
from sqlrail.schema.mend import mend
from sqlrail.schema.objects import Catalog
from sqlrail.schema.statement import Statement

#: statements of a message: each of its locks is kept to the end of that, and a server has not room for any number
AT_ONCE = 50


def make_shared(settings: Settings, there: Settings, provided: Collection[str], listener: Listener) -> None:
    """Makes in the scratch database `there` what lies in the schemas behind the tenant's, and in those provided.

    What cannot be made is said: a file that needs it fails.
    """
    alone = replace(there, tenant=None)
    with closing(connect(alone)) as scratch:
        behind = {*wire.ask(scratch, "likeness")[0][1], *provided} - {settings.tenant}
        with closing(connect(replace(settings, tenant=None))) as live:
            wanted = read(live, settings, schemas=behind, making=True)
        wanted = wanted.without(
            [it.key for it in wanted.objects.values() if it.schema not in behind and it.kind != "extension"]
        )
        usual = Catalog({it.key: it for it in wanted.of(["schema"])})
        wanted = wanted.without({it.key for it in wanted.of(["comment"])})
        failed = list(run_all(scratch, mend(wanted, usual, compare(wanted, usual))))
    if failed:
        more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
        listener(
            Warned(
                f"of what tenants share the scratch database lacks something: {printable(failed[0])}{more}"
            )
        )


def shard_alike(settings: Settings, there: Settings, listener: Listener) -> None:
    """Shards the tenant's schema in the scratch database where Citus shards the live one; says where it cannot."""
    with closing(connect(settings)) as live:
        if wire.ask(live, "is_sharded", records_in=settings.tenant) != [(True,)]:
            return
    names = {"extension": sql.Identifier("citus"), "schema": sql.Identifier("pg_catalog")}
    with closing(connect(replace(there, tenant=None))) as scratch:
        try:
            wire.ask(scratch, "scratch_extension", **names)
            wire.ask(
                scratch, "scratch_sharded", schema=sql.Identifier(str(settings.tenant)).as_string(scratch)
            )
        except DatabaseFailed as exc:
            listener(
                Warned(f"what Citus refuses of a sharded schema is not met in the scratch database: {exc}")
            )


def run_all(scratch: Connection, statements: Sequence[Statement]) -> Iterator[str]:
    """Runs them; what cannot be made shall not keep the rest away. Says what failed."""
    yield from (one.sql for one in statements if one.is_by_hand)
    left = [one.sql.encode() + b";" for one in statements if not one.is_by_hand]
    for first in range(0, len(left), AT_ONCE):
        some = left[first : first + AT_ONCE]
        if _refusal(scratch, b"\n".join(some)):
            yield from filter(None, [_refusal(scratch, one) for one in some])


def _refusal(scratch: Connection, text: bytes) -> str | None:
    """Why the server did nothing of a message; None if it did it."""
    answer = wire.send_ours(scratch, text)
    return sentence(answer.error).rstrip(".") if answer.error is not None else None
