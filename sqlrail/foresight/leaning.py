"""Whether an expression or a type means on the live database what it means in the rehearsal, and runs nobody's code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlrail.scratch.shapes import Lean, Snapshots

#: enums and domains are data; a domain's checks are leaned on by themselves
DATA = ("e", "d")
WORDS = {"pg_proc": "function", "pg_operator": "operator", "pg_cast": "cast", "pg_type": "type"}


def why_not(leans: Iterable[Lean], snapshots: Snapshots, extensions: Mapping[str, bool]) -> str | None:
    """Why something that leans on these cannot be judged by a look; None if it can.

    extensions: by name, whether an extension has it in the live database.
    """
    return next(filter(None, (_why_not(lean, snapshots, extensions) for lean in leans)), None)


def _why_not(lean: Lean, snapshots: Snapshots, extensions: Mapping[str, bool]) -> str | None:
    what = f"{WORDS.get(lean.catalog, 'operator class')} {lean.name}"
    if lean.oid > snapshots.newest:
        return f"it leans on {what}, which the pending files make"
    if lean.catalog == "pg_type" and snapshots.states.get(str(lean.oid)) != lean.state:
        return f"it leans on {what}, which the pending files change"
    if lean.catalog == "pg_type" and lean.kind in DATA and not lean.extension:
        return None
    if lean.extension and extensions.get(lean.name, False):
        return None
    return f"it leans on {what}, and a look runs nobody's code"
