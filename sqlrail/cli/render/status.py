"""The history as a table, and what is wrong with it."""

from __future__ import annotations

from sqlrail.cli.render.tables import table
from sqlrail.files.code import FOLDER
from sqlrail.ground.target import Target
from sqlrail.ground.words import Script, counted, printable
from sqlrail.records.code import CodeEntry
from sqlrail.records.history import Entry
from sqlrail.verbs.apply import Status

_HEADS = ("migration", "state", "applied at (UTC)")


def text(result: Status, width: int | None) -> str:
    """The history as a table, and what is wrong below it.

    The width is the terminal's in characters, None where there is none.
    """
    return "\n".join(
        [
            *table(_HEADS, _rows(result), width),
            _sum(result),
            *_code(result),
            *_behind(result),
            *_wrong(result),
        ]
    )


def page(result: Status, target: Target | None) -> Script:
    """The same as a file of HTML, what is wrong in front."""
    from sqlrail.cli.render import html

    wrong = html.points(_wrong(result), html.BAD if any(it.refuses for it in result.problems) else html.SLOW)
    parts = [
        html.paragraph(_sum(result)),
        html.points([*_code(result), *_behind(result)]),
        wrong,
        html.table(_HEADS, _rows(result)),
    ]
    return html.page("The history of a database", target, parts)


def _rows(result: Status) -> list[tuple[str, ...]]:
    return [
        (entry.id, _state(entry), f"{entry.applied_at:%Y-%m-%d %H:%M:%S}" if entry.applied_at else "")
        for entry in result.entries
    ]


def _sum(result: Status) -> str:
    states = [entry.state for entry in result.entries]
    pending, newer = sum(state in ("pending", "late") for state in states), states.count("ahead")
    ahead = f", {newer} ahead" if newer else ""
    return f"{len(states) - pending - newer} applied, {pending} pending{ahead}"


def _code(result: Status) -> list[str]:
    """How many code files there are, and those that are not as they were run."""
    if not result.code:
        return []
    other = [entry for entry in result.code if entry.state != "applied"]
    states = [entry.state for entry in other]
    how = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)) or "all applied"
    lines = [f"{counted(len(result.code), 'code file')}: {how}"]
    return lines + [f"  {FOLDER}/{printable(entry.name)}: {_means(entry)}" for entry in other]


def _behind(result: Status) -> list[str]:
    return [
        f"{printable(entry.id)}.sql was edited since it was run last, and runs with the next `migrate`"
        for entry in result.post_apply
        if entry.state == "edited"
    ]


def _means(entry: CodeEntry) -> str:
    what = f"{entry.kind} {printable(entry.identity or '')}"
    return {
        "new": "new",
        "edited": "edited since it was run",
        "dropped": f"{what} is gone, and will be made again",
        "missing": f"the file is gone, and {what} is left: drop it in a numbered file if it is not needed",
    }[entry.state]


def _wrong(result: Status) -> list[str]:
    return [f"{'' if problem.refuses else 'warning: '}{problem.message}" for problem in result.problems]


def _state(entry: Entry) -> str:
    state = f"{entry.state}, phase after" if entry.waits else entry.state
    if entry.id in entry.waits_for:
        return f"{state}, a backfill"
    return f"{state}, behind {', '.join(entry.waits_for)}" if entry.waits_for else state
