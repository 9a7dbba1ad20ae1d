"""What became of many tenants."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sqlrail.cli.render.tables import table
from sqlrail.files.numbering import NUMBER
from sqlrail.ground.words import counted, printable
from sqlrail.tenants.tenant import Outcome
from sqlrail.tenants.totals import Rounded

#: names, and reports that differ, that people read; the JSON has them all
NAMES, REPORTS = 5, 20
HEADS = ("tenant", "why")


def text(rounded: Rounded, width: int | None) -> str:
    """Which tenants are where, what was said of them, who failed and why, and the sum."""
    shared = [f"shared: {line}" for line in rounded.shared.text.splitlines()] if rounded.shared else []
    lines = [*shared, *_reports(rounded.outcomes), *_failures(rounded.outcomes, width)]
    if rounded.left:
        lines.append(f"not begun, for {printable(rounded.held)}: {few(rounded.left)}")
    if rounded.versions:
        lines.append(_versions(rounded.versions))
    return "\n".join([*lines, _sum(rounded)])


def few(names: Sequence[str]) -> str:
    """Some names, and how many others there are."""
    shown = ", ".join(map(printable, names[:NAMES]))
    more = len(names) - NAMES
    return f"{shown} and {counted(more, 'other')}" if more > 0 else shown


def _sum(rounded: Rounded) -> str:
    totals = rounded.totals()
    parts = [f"{totals['done'] + totals['with_findings']:,} done"]
    parts += [f"{totals[kind]:,} {kind}" for kind in ("failed", "refused") if totals[kind]]
    parts += [f"{totals['with_findings']:,} with what --check looks for"] * (totals["with_findings"] > 0)
    parts += [f"{totals['without_turn']:,} not begun"] * (totals["without_turn"] > 0)
    return f"{counted(totals['all'], 'tenant')}: {', '.join(parts)}"


def _versions(versions: dict[str, list[str]]) -> str:
    """998 at 041, 2 at 039 (acme, globex): the names of all but the most."""
    most = max(versions.values(), key=len)
    return ", ".join(
        f"{len(names):,} at {_short(id_, versions)}" + ("" if names is most else f" ({few(names)})")
        for id_, names in sorted(versions.items(), key=lambda item: -len(item[1]))
    )


def _short(id_: str, ids: Collection[str]) -> str:
    """Its number, where no other has it."""
    number = NUMBER.match(id_)
    if number is None or sum(other.startswith(number[0]) for other in ids) > 1:
        return printable(id_)
    return number[0]


def _reports(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """What verbs said, each text once, with whom it is of."""
    said: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.done and outcome.done.text:
            said.setdefault(outcome.done.text, []).append(outcome.tenant.name)
    in_order = sorted(said.items(), key=lambda item: -len(item[1]))  # what most have first
    for words, names in in_order[:REPORTS]:
        yield f"{few(names)}:"
        yield from (f"  {line}" for line in words.splitlines())
    if len(said) > REPORTS:
        yield f"and {len(said) - REPORTS:,} other results (--json has them)"
    if len(said) > 1 and len(in_order[0][1]) > 1:
        alike = set(in_order[0][1])
        told = (outcome.tenant.name for outcome in outcomes if outcome.done and outcome.done.text)
        others = [name for name in told if name not in alike]
        yield f"{len(alike):,} alike, {len(others):,} differ ({few(others)})"


def _failures(outcomes: Sequence[Outcome], width: int | None) -> Iterator[str]:
    """A table of who failed, each reason once."""
    why: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.error:
            why.setdefault(str(outcome.error), []).append(outcome.tenant.name)
    if why:
        yield from table(HEADS, [(few(names), printable(words)) for words, names in why.items()], width)
