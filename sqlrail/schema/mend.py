"""The SQL that makes one catalog like another, in an order in which it runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlrail.schema.compare import Difference
from sqlrail.schema.making import Making
from sqlrail.schema.objects import Catalog
from sqlrail.schema.obstacles import obstacle
from sqlrail.schema.placing import KIND, placed
from sqlrail.schema.removal import FUNCTIONS, Removal
from sqlrail.schema.statement import Statement

#: whether the server looks into the body of a function that is made
BODIES = "check_function_bodies"
#: whether Citus works at several shards at a time
SHARDS = "citus.multi_shard_modify_mode"


def mend(
    wanted: Catalog, there: Catalog, found: Iterable[Difference], *, keep_privileges: bool = False
) -> list[Statement]:
    """What has to be run on the database that is there to make it like the wanted one.

    With keep_privileges what has to be made again has those that it had, for the wanted ones are not known.
    """
    wanted, there = placed(wanted, there)
    found = [replace(one, object=wanted.objects.get(one.object.key, one.object)) for one in found]
    obstacles = [obstacle(wanted, there, difference) for difference in found]
    by_hand = [
        Statement(f"{difference.object.what}: {reason}", is_by_hand=True)
        for difference, reason in zip(found, obstacles, strict=True)
        if reason
    ]
    removal = Removal(
        wanted, there, [difference for difference, reason in zip(found, obstacles, strict=True) if not reason]
    )
    making = Making(removal, keep_privileges)
    statements = [*removal.early(), *making.statements(), *removal.finish()]
    # Not SET LOCAL: psql runs a script outside of transactions.
    if any(key[0] in FUNCTIONS for key in making.made):  # what a body names may come later
        statements = [Statement(f"SET {BODIES} = off"), *statements, Statement(f"RESET {BODIES}")]
    if any(difference.kind == KIND for difference in found):  # else a foreign key behind it may be refused
        statements = [Statement(f"SET {SHARDS} = sequential"), *statements, Statement(f"RESET {SHARDS}")]
    return [*statements, *by_hand]
