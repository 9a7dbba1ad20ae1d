"""What code files have made, dropped with all that leans on it and other code files make."""

from __future__ import annotations

from collections.abc import Sequence

from sqlrail.engine.backend import Backend
from sqlrail.engine.code.leaning import Leaning, leaning


def what_goes(backend: Backend, names: Sequence[str]) -> Leaning:
    """What is dropped together where what these code files have made is dropped."""
    if not names:
        return Leaning((), frozenset(), ())
    made = {(record.kind, record.identity): record.name for record in backend.read_code()}
    objects = backend.message("_code_objects")
    places = [place for _, *place in backend.look_up("code_found", names=[*names], code_objects=objects)]
    addresses = {"classes": [class_ for class_, _ in places], "ids": [id_ for _, id_ in places]}
    return leaning(backend.look_up("code_leaning", **addresses), made)


def drop(backend: Backend, goes: Leaning, forgotten: Sequence[str]) -> None:
    """Drops it in one transaction under the runners' lock; of the forgotten files no record stays."""
    text = "".join(f"DROP {item};\n" for item in goes.order).encode()
    with backend.locked():
        backend.ask(
            backend.message("writes")
            + text
            + backend.message("ours")
            + backend.message("forget_code", names=[*forgotten])
        )
