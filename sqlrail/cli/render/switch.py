"""What a switch has taken back and applied, or would."""

from __future__ import annotations

from collections.abc import Iterator

from sqlrail.cli.render.rollback import would_go
from sqlrail.ground.words import counted, printable
from sqlrail.verbs.switch import Switched, Would


def text(result: Switched) -> str:
    """The last line of a switch; of a dry run all that would be done."""
    if result.would is not None:
        return "\n".join(_would(result.would, result.still_applied))
    done = result.migrated
    assert done is not None
    code = f", {counted(len(done.code), 'code file')} run" if done.code else ""
    if not (result.rolled_back or result.code_dropped or done.applied or done.code):
        return f"nothing to do: {result.still_applied} applied"
    back, applied = len(result.rolled_back), len(done.applied)
    return f"done: {back} rolled back, {applied} applied now, {result.still_applied} before{code}"


def _would(would: Would, stay: int) -> Iterator[str]:
    yield from (f"would drop what was made by code/{printable(name)}" for name in would.drop_code)
    for id_, foreseen in would.roll_back:
        yield from would_go(id_, foreseen)
    yield from (f"would apply {printable(id_)}" for id_ in would.apply)
    yield from (f"would run code/{printable(name)}" for name in would.run_code)
    back, applied = len(would.roll_back), len(would.apply)
    yield f"dry run: {back} would be rolled back, {applied} would be applied, {stay} would stay applied"
